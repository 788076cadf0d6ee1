import { DomainError, isStorableText, type JsonObject, type JsonValue } from '#libs/kernel';
import { gathered } from './log-event';

const PRIORITY = /^<(\d{1,3})>/;

/** VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID (RFC 5424, section 6.2). */
const HEADER_5424 = /^[1-9]\d{0,2} (-|\d{4}-\S{1,60}) (\S{1,255}) (\S{1,255}) (\S{1,255}) (\S{1,255})(?: |$)/;

/** Cisco IOS: a sequence number, and possibly the device's name, before the time. */
const SEQUENCE = /^(\d{1,10}): /;
const NAME_BEFORE_TIME = /^([\w.-]{1,255}): (?=[*.]?(?:[A-Z][a-z]{2} {1,2}\d|\d{4}[ -]))/;

const ISO_TIME = /^[*.]?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?(?=[ :]|$)/i;
const NAMED_TIME =
  /^[*.]?(?:\d{4} )?[A-Z][a-z]{2} {1,2}\d{1,2} (?:\d{4} )?\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?(?: \d{4}(?=:? |$))?(?: (?:UTC|GMT|(?!CEF|LEEF)[A-Z]{2,5}(?=: )))?(?=[ :]|$)/;

/** A machine's name or address; what a colon or a bracket ends is a tag. */
const HOST = /^([\w.%@-][\w.:%@/-]{0,254}) +(?::? *)/;
const TAG =
  /^(?!CEF:|LEEF:)([a-z_/.][\w./@-]{0,63})(?:\[([^\]\s]{0,64})\](?: |:(?: |$|(?=[{'"<])))|:(?: |$|(?=[{'"<])))/i;
const IPV6 = /^[\da-f]{0,4}:[\da-f]{0,4}:[\da-f:.]{0,40} /i;

/**
 * One syslog message, whatever it really is: RFC 5424, RFC 3164 as devices write it, or a text alone. It never says that a
 * message is none: what cannot be told apart stays in `message`.
 *
 * @returns `{syslog: {facility, severity, timestamp, hostname, appName, procId, msgId, sequence, structuredData}, message}`,
 * each part only where it is there; `severity` is 0 (emergency) to 7 (debug).
 * @throws DomainError('invalid_character') for a NUL.
 */
export function syslogMessage(text: string): JsonObject {
  if (!isStorableText(text)) {
    throw new DomainError('invalid_character', {
      reason: 'It holds the character NUL (U+0000), which cannot be stored.',
    });
  }
  const [whole = '', digits] = PRIORITY.exec(text) ?? [];
  const priority = Number(digits);
  const isPriority = digits !== undefined && priority <= 191;
  const rest = isPriority ? text.slice(whole.length) : text;
  const { message, ...header } = modern(rest) ?? traditional(rest);
  return {
    syslog: { ...(isPriority && { facility: priority >> 3, severity: priority & 7 }), ...header },
    message: message.replace(/^\ufeff/, ''),
  };
}

type Parts = { readonly message: string } & Record<string, JsonValue>;

/** RFC 5424. */
function modern(text: string): Parts | undefined {
  const match = HEADER_5424.exec(text);
  if (match === null) return undefined;
  const [head, timestamp, hostname, appName, procId, msgId] = match;
  const { data, end } = structuredData(text, head.length);
  return {
    ...said({ timestamp, hostname, appName, procId, msgId }),
    ...(data !== undefined && { structuredData: data }),
    message: text.slice(end).replace(/^ /, ''),
  };
}

/** A part that is `-` says nothing (RFC 5424, section 6). */
function said(parts: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const entries = Object.entries(parts).filter(([, value]) => value !== undefined && value !== '-' && value !== '');
  return Object.fromEntries(entries) as Record<string, string>;
}

const ELEMENT = /\[([^\s=\]"]{1,255})/y;
const PARAMETER = / {1,16}([^\s=\]"]{1,255})="/y;
const CLOSED = / {0,16}\]/y;

/** `[id name="value" ...]...` or `-`; what is neither is message (RFC 5424, section 6.3). */
function structuredData(text: string, start: number): { data?: JsonObject; end: number } {
  if (/^-(?: |$)/.test(text.slice(start, start + 2))) return { end: start + 1 };
  const elements: [string, JsonObject][] = [];
  let end = start;
  for (;;) {
    const element = at(ELEMENT, text, end);
    if (element === null) break;
    let place = ELEMENT.lastIndex;
    const parameters: [string, string][] = [];
    for (let found = at(PARAMETER, text, place); found !== null; found = at(PARAMETER, text, place)) {
      const close = closingQuote(text, PARAMETER.lastIndex);
      if (close === undefined) return { end: start };
      const value = text.slice(PARAMETER.lastIndex, close).replace(/\\(["\\\]])/g, '$1');
      parameters.push([found[1] ?? '', value]);
      place = close + 1;
    }
    if (at(CLOSED, text, place) === null) return { end: start };
    end = CLOSED.lastIndex;
    elements.push([element[1] ?? '', gathered(parameters)]);
  }
  return elements.length === 0 ? { end: start } : { data: gathered(elements), end };
}

function closingQuote(text: string, start: number): number | undefined {
  for (let place = start; place < text.length; place += 1) {
    const sign = text[place];
    if (sign === '"') return place;
    if (sign === '\\') place += 1;
  }
  return undefined;
}

function at(pattern: RegExp, text: string, place: number): RegExpExecArray | null {
  pattern.lastIndex = place;
  return pattern.exec(text);
}

/** RFC 3164 and what devices make of it. */
function traditional(text: string): Parts {
  let rest = text.replace(/^:? +/, '');
  const cut = (pattern: RegExp): RegExpExecArray | null => {
    const match = pattern.exec(rest);
    if (match !== null) rest = rest.slice(match[0].length);
    return match;
  };
  const sequence = cut(SEQUENCE)?.[1];
  let hostname = cut(NAME_BEFORE_TIME)?.[1];
  const timestamp = (cut(ISO_TIME) ?? cut(NAMED_TIME))?.[0];
  if (timestamp !== undefined) cut(/^:? */);
  // A tag where the name of the machine belongs means that there is no name.
  const isNameless = rest.startsWith('%') || (TAG.test(rest) && !IPV6.test(rest));
  if (timestamp !== undefined && !isNameless) hostname ??= cut(HOST)?.[1];
  const tag = rest.startsWith('%') ? null : cut(TAG);
  return { ...said({ sequence, timestamp, hostname, appName: tag?.[1], procId: tag?.[2] }), message: rest };
}
