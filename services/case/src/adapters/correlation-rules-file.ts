import { readFileSync } from 'node:fs';
import Type, { type Static } from 'typebox';
import { LineCounter, parseDocument } from 'yaml';
import { Severity } from '#contracts/alert';
import { Closed, Literals, Text } from '#contracts/schema';
import { DomainError } from '#libs/kernel';
import { demandValid } from '#libs/service';
import { CORRELATION_KEYS, type CorrelationRules, FALLBACK_RULE } from '../domain/correlation-rule';

const WindowMinutes = Type.Integer({ minimum: 1, maximum: 43_200 });

const CorrelationFile = Closed({
  minimumSeverity: Severity,
  rules: Type.Array(
    Closed({
      name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,99}$' }),
      when: Type.Optional(
        Closed({
          severityAtLeast: Type.Optional(Severity),
          source: Type.Optional(Text(200)),
          format: Type.Optional(Text(100)),
        }),
      ),
      keys: Type.Array(Literals(...CORRELATION_KEYS), { minItems: 1, uniqueItems: true }),
      windowMinutes: WindowMinutes,
    }),
    { maxItems: 200 },
  ),
  fallback: Closed({ windowMinutes: WindowMinutes }),
});

/**
 * The rules in a YAML file, read once at the start.
 * @throws DomainError('invalid_configuration') naming the file, the field and what is wrong with it.
 */
export function loadCorrelationRules(file: string): CorrelationRules {
  return parseCorrelationRules(read(file), file);
}

export function parseCorrelationRules(text: string, file: string): CorrelationRules {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw wrong(file, `line ${line}, column ${col}: ${error.message}`);
  }
  const content: unknown = document.toJS();
  try {
    demandValid(CorrelationFile, content, 'the file');
  } catch (cause) {
    if (!(cause instanceof DomainError)) throw cause;
    const all = cause.errors ?? [{ field: cause.field ?? '', reason: cause.reason }];
    throw wrong(file, all.map(({ field, reason }) => `${field} ${reason}`).join('; '), cause);
  }
  // demandValid has checked it.
  const { minimumSeverity, rules, fallback } = content as Static<typeof CorrelationFile>;
  const names = rules.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) < at || name === FALLBACK_RULE);
  if (twice !== undefined) {
    throw wrong(file, `rules: the name '${twice}' is taken; windows are kept by name, so each rule needs its own`);
  }
  return { minimumSeverity, rules: rules.map((rule) => ({ ...rule, when: rule.when ?? {} })), fallback };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw wrong(file, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function wrong(file: string, reason: string, cause?: unknown): DomainError {
  return new DomainError('invalid_configuration', {
    field: 'COUNTERSIGN_CORRELATION_FILE',
    reason: `${file}: ${reason}`,
    cause,
  });
}
