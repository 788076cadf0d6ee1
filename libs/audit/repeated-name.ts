/** Texts and punctuation of a JSON text; what lies between are numbers, literals and white space. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/**
 * Whether an object in `json` names a key twice. JSON.parse keeps the last one, which the hash then covers, while who
 * searches the text sees the other as well.
 * @param json a text that JSON.parse accepts.
 */
export function hasRepeatedName(json: string): boolean {
  /** Of the objects and arrays around a token: the names of an object so far, undefined for an array. */
  const around: (Set<string> | undefined)[] = [];
  let isName = false;
  for (const [token] of json.matchAll(TOKEN)) {
    if (token === '{' || token === '[') around.push(token === '{' ? new Set() : undefined);
    else if (token === '}' || token === ']') around.pop();
    else if (isName) {
      const name = String(JSON.parse(token));
      const names = around.at(-1);
      if (names?.has(name)) return true;
      names?.add(name);
    }
    isName = (token === '{' || token === ',') && around.at(-1) !== undefined;
  }
  return false;
}
