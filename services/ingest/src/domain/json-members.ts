/** One value directly inside a JSON list or object, as it is written. */
export interface JsonMember {
  /** Of an object's value. */
  readonly key?: string;
  readonly text: string;
}

/**
 * The values directly inside a JSON list or object, as they are written; none for anything else. Only the brackets, the
 * texts and the names on the way are looked at, so that a value that is no JSON stands beside the others.
 * @throws SyntaxError when a bracket is left open, or something comes after the last one.
 */
export function membersOf(text: string): JsonMember[] {
  const members: JsonMember[] = [];
  let level = 0;
  let start = 0;
  let key: string | undefined;
  const end = (index: number) => {
    const member = text.slice(start, index).trim();
    if (member !== '') members.push({ key, text: member });
    start = index + 1;
    key = undefined;
  };
  for (let index = 0; index < text.length; index += 1) {
    const sign = text[index];
    if (sign === '"') index = endOfText(text, index);
    else if (sign === '[' || sign === '{') {
      level += 1;
      if (level === 1) start = index + 1;
    } else if (sign === ']' || sign === '}') {
      level -= 1;
      if (level < 0 || (level === 0 && index < text.trimEnd().length - 1)) throw new SyntaxError('a bracket too many');
      if (level === 0) end(index);
    } else if (level === 1 && sign === ',') end(index);
    else if (level === 1 && sign === ':') {
      key = String(JSON.parse(text.slice(start, index)));
      start = index + 1;
    }
  }
  if (level > 0) throw new SyntaxError('a bracket is left open');
  return members;
}

/** Where the text ends whose first quotation mark is at `start`. */
function endOfText(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text[index] !== '"') index += text[index] === '\\' ? 2 : 1;
  return index;
}
