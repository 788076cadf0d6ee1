const ATTACK_ID = /\bTA?\d{4}(?:\.\d{3})?\b/gi;
const MOST = 200;
const LONGEST_TEXT = 10_000;

/**
 * The MITRE ATT&CK technique and tactic ids in `texts`, in upper case and without repetition: `T1110.001`, `TA0006`.
 * A tactic has no sub-number.
 */
export function attackIds(texts: readonly string[]): string[] {
  const found = texts.flatMap((text) => text.slice(0, LONGEST_TEXT).match(ATTACK_ID) ?? []);
  const ids = found.map((id) => id.toUpperCase()).filter((id) => !(id.startsWith('TA') && id.includes('.')));
  return [...new Set(ids)].slice(0, MOST);
}

/** The Enterprise tactics of ATT&CK by their names, without spaces and signs, in lower case. */
const TACTICS: Readonly<Record<string, string>> = {
  reconnaissance: 'TA0043',
  resourcedevelopment: 'TA0042',
  initialaccess: 'TA0001',
  execution: 'TA0002',
  persistence: 'TA0003',
  privilegeescalation: 'TA0004',
  defenseevasion: 'TA0005',
  credentialaccess: 'TA0006',
  discovery: 'TA0007',
  lateralmovement: 'TA0008',
  collection: 'TA0009',
  commandandcontrol: 'TA0011',
  exfiltration: 'TA0010',
  impact: 'TA0040',
};

/** The ids of tactics that are named: `InitialAccess`, `INITIAL_ACCESS`, `Discovery, Impact`, `TTPs/Initial Access`. */
export function tacticIds(texts: readonly string[]): string[] {
  const names = texts.flatMap((text) => text.slice(0, LONGEST_TEXT).split(/[,:/]/));
  const ids = names.map((name) => {
    const key = name.toLowerCase().replace(/[^a-z]/g, '');
    return Object.hasOwn(TACTICS, key) ? TACTICS[key] : undefined;
  });
  return [...new Set(ids.filter((id) => id !== undefined))];
}
