/** Controls, bidi overrides, zero-width and tag characters, unassigned ones, line and paragraph separators, odd spaces. */
const DECEPTIVE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;
/** What can stand in a sentence without quotes: no blanks in it, so it cannot pose as words of ours. */
const PLAIN = /^[\p{L}\p{N}._:/@%+=,~#$&?*|\\^-]+$/u;

/**
 * A text that a terminal shows as it is: every character that could hide, reorder or erase others (Trojan Source,
 * CVE-2021-42574; ECMA-48 sequences) becomes its visible escape, `\u{202e}`.
 */
export function visibleText(text: string): string {
  return text.replace(DECEPTIVE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Keeps the line breaks of a longer text, and escapes everything else. */
export function visibleLines(text: string): string {
  return text.split(/\r?\n/).map(visibleText).join('\n');
}

/**
 * A value inside a sentence: bare when it is one plain word, otherwise in quotes, so that nobody takes
 * `203.0.113.7 (approved by the owner)` for words of the approval service.
 * @param maxLength in characters; what is cut off is counted, never silently dropped.
 */
export function visibleValue(value: string, maxLength = 200): string {
  const shown = visibleText(value);
  const characters = [...shown];
  const cut =
    characters.length > maxLength
      ? `${characters.slice(0, maxLength).join('')}…(+${characters.length - maxLength} characters)`
      : shown;
  return PLAIN.test(cut) ? cut : `"${cut.replaceAll('"', '\\"')}"`;
}
