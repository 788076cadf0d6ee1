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
