import Table from 'cli-table3';
import type { Command } from 'commander';
import { globalsOf } from './session';

/** Control characters and bidirectional overrides of the data must not command the reader's terminal. */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** With --json the data as it came, else what `readable` makes of it. */
export function print(command: Command, data: unknown, readable: () => string): void {
  const text = globalsOf(command).json ? JSON.stringify(data, null, 2) : printable(readable());
  process.stdout.write(`${text}\n`);
}

export type Cell = string | number | boolean | null | undefined;

const PLAIN = {
  chars: {
    ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '' },
    ...{
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '  ',
    },
  },
  style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
};

/** Columns without lines, so that it can be cut and grepped. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return 'none';
  const made = new Table({ ...PLAIN, head: head.map((title) => title.toUpperCase()) });
  made.push(...rows.map((row) => row.map((cell) => (cell === null || cell === undefined ? '-' : String(cell)))));
  return made.toString();
}

/** `name: value` lines; what is absent is left out. */
export function fields(pairs: Readonly<Record<string, Cell>>): string {
  const shown = Object.entries(pairs).filter(([, value]) => value !== null && value !== undefined && value !== '');
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${String(value)}`).join('\n');
}

export const section = (title: string, body: string): string => `\n${title}\n${body.replace(/^/gm, '  ')}`;

/** `2026-11-24 14:05:00`, UTC. */
export const when = (time: string | null | undefined): string | undefined => time?.slice(0, 19).replace('T', ' ');
