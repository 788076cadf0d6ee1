import Type, { type TProperties, type TSchema } from 'typebox';
import { Closed, ExternalReferences, Optional } from './schema-parts';

/** CACAO 2.0, section 5.1: what every command has. */
const ofEvery = {
  type: Type.String({ minLength: 1 }),
  description: Optional(Type.String()),
  version: Optional(Type.String()),
  playbook_activity: Optional(Type.String()),
  external_references: Optional(ExternalReferences),
};
const command = (properties: TProperties) => Closed({ ...ofEvery, ...properties });

const text = { command: Optional(Type.String()), command_b64: Optional(Type.String()) };
const encodedOnly = { command_b64: Type.String() };
const http = {
  headers: Optional(Type.Record(Type.String(), Type.Array(Type.String()))),
  content: Optional(Type.String()),
  content_b64: Optional(Type.String()),
};

/** CACAO 2.0, sections 5.2 to 5.13. */
const COMMANDS: Readonly<Record<string, TSchema>> = {
  manual: command(text),
  bash: command(text),
  'caldera-cmd': command(text),
  elastic: command(encodedOnly),
  'http-api': command({ command: Type.String(), ...http }),
  jupyter: command(encodedOnly),
  kestrel: command(encodedOnly),
  'openc2-http': command({ command: Type.String(), ...http, content_b64: Type.String() }),
  powershell: command(text),
  sigma: command(encodedOnly),
  ssh: command(text),
  yara: command(encodedOnly),
};

/** The vocabulary of command types is open: another type may use any property that some command of CACAO has. */
const OTHER_COMMAND = command({ ...text, ...http });

/** Our own command type. Its parameters stand in the step's extension, because CACAO's command objects are closed. */
export const COUNTERSIGN_COMMAND = 'countersign-action';

export function commandSchema(type: string): TSchema {
  if (type === COUNTERSIGN_COMMAND) return command({});
  return Object.hasOwn(COMMANDS, type) ? (COMMANDS[type] ?? OTHER_COMMAND) : OTHER_COMMAND;
}

export interface Command {
  readonly type: string;
  readonly description?: string;
  readonly command?: string;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
}
