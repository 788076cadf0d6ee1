/**
 * Undoes what people write so that nobody clicks: `hxxp://`, `[.]`, `(dot)`, `[at]`, `[:]`. Every pattern is linear.
 *
 * Our own, as the one of ioc-extractor also joins the words around any dot that stands by itself ("failed . Next"), and
 * misses `hXXp`.
 */
export function refang(text: string): string {
  if (!MAYBE_DEFANGED.test(text)) return text;
  return text
    .replace(/\bh(?:xx|\*\*|tt)p(s?)(?=\[?:)/gi, (_, secure: string) => `http${secure.toLowerCase()}`)
    .replace(/\bfxp(s?)(?=\[?:)/gi, 'ftp$1')
    .replace(/\[:\/\/\]/g, '://')
    .replace(/\[:\]/g, ':')
    .replace(/\[\/\]/g, '/')
    .replace(/ ?(?:\[(?:\.|dot)\]|\((?:\.|dot)\)|\{(?:\.|dot)\}) ?/gi, '.')
    .replace(/ ?(?:\[(?:@|at)\]|\((?:@|at)\)|\{(?:@|at)\}) ?/gi, '@')
    .replace(/\[\.(?=[a-z0-9])/gi, '.');
}

const MAYBE_DEFANGED = /[[({](?:\.|dot|@|at|:|\/)|h(?:xx|\*\*)p|fxp/i;
