import { asAddress, asDomain, asEmail, asHash, asUrl, hostOfUrl, type Indicator } from './indicator';
import { refang } from './refang';

/** Text beyond this is not looked at: enrichment takes a bounded time whatever an alert holds. UTF-16 units. */
export const LONGEST_TEXT = 32 * 1024;
const LONGEST_WORD = 2048;

const URLS = /\b(?:https?|ftps?|sftp|wss?|ldaps?):\/\/[^\s"'<>`{}|\\^]+/gi;
const WORDS = /[^\s"'<>`{}|^,;()[\]=&?!*#$]+/g;

/** Endings of files that are top-level domains too: `run.sh` in a text is a script. */
const LIKE_FILES = new Set([
  'sh',
  'py',
  'pl',
  'zip',
  'mov',
  'rs',
  'md',
  'ps',
  'so',
  'pm',
  'cab',
  'app',
  'bin',
  'bat',
  'java',
]);

/** Everything that is looked for has a point, a colon or an at-sign, plain or defanged, or is a hash. */
const MAY_HOLD_ONE = /[.:@]|[0-9a-f]{32}|[[({](?:dot|at)/i;

const SAYS_VERSION = /^(?:v|ver|version|build|release|rev|revision|firmware)[.:]?$/i;

/**
 * Addresses, domains, URLs, hashes and e-mail addresses in a text of any kind, refanged.
 *
 * Word by word, in one pass: the expressions of ioc-extractor for whole texts take 70 microseconds a character on a
 * text that was made to hurt ("a.a.a."), four seconds for 64 KiB.
 */
export function indicatorsIn(text: string): Indicator[] {
  if (!MAY_HOLD_ONE.test(text)) return [];
  const readable = refang(text.length > LONGEST_TEXT ? text.slice(0, LONGEST_TEXT) : text);
  const found: Indicator[] = [];
  const rest = readable.replace(URLS, (match) => {
    const url = trimmed(match);
    found.push(...[asUrl(url), hostOfUrl(url)].filter((indicator) => indicator !== undefined));
    return ' ';
  });
  let previous = '';
  const seen = new Set<string>();
  for (const [word] of rest.matchAll(WORDS)) {
    if (word.length <= LONGEST_WORD && !seen.has(word)) {
      // What a version is once may be an address elsewhere.
      if (!SAYS_VERSION.test(previous)) seen.add(word);
      const indicator = inWord(trimmed(word), previous);
      if (indicator !== undefined) found.push(indicator);
    }
    previous = word;
  }
  return found;
}

/** Without the punctuation of the sentence around it. */
function trimmed(word: string): string {
  let end = word.length;
  while (end > 0 && ').,;:!?\'"]>'.includes(word.charAt(end - 1))) end -= 1;
  return word.slice(0, end);
}

function inWord(word: string, previous: string): Indicator | undefined {
  if (word.length < 4 || (word.length < 32 && !/[.:@]/.test(word))) return undefined;
  if (word.includes('@')) return asEmail(word.replace(/^mailto:/i, ''));
  // Paths of Windows, and accounts such as EXAMPLE\ada.
  if (word.includes('\\') || word.startsWith('/') || word.startsWith('~')) return undefined;
  const hash = asHash(word.slice(word.lastIndexOf(':') + 1));
  if (hash !== undefined) return hash;
  const address = addressIn(word, previous);
  if (address !== undefined) return address;
  return word.includes('.') ? domainIn(word) : undefined;
}

function addressIn(word: string, previous: string): Indicator | undefined {
  if (SAYS_VERSION.test(previous)) return undefined;
  if (asAddress(word) !== undefined) return isScope(word) ? undefined : asAddress(word);
  // 192.0.2.1:443, outside:192.0.2.1/443. A short number after a slash makes it a network, which is no observable.
  const match = /^(?:[a-z_-]{1,30}:)?(\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5}|\/\d{3,5})?$/i.exec(word);
  return match?.[1] === undefined ? undefined : asAddress(match[1]);
}

/** `std::ad` and `ab::cd` are names in a program rather than addresses without a digit. */
const isScope = (word: string): boolean => word.includes('::') && !/\d/.test(word);

function domainIn(word: string): Indicator | undefined {
  const [name = ''] = word.split(/[/:]/, 1);
  if (NAMESPACE.test(name)) return undefined;
  const domain = asDomain(name);
  if (domain === undefined) return undefined;
  const labels = domain.value.split('.');
  return labels.length === 2 && LIKE_FILES.has(labels[1] ?? '') ? undefined : domain;
}

/** `System.Net`: each part begins with a capital, as classes do and hosts in logs do not. */
const NAMESPACE = /^[A-Z][a-z]+(?:\.[A-Z][A-Za-z]+)+$/;
