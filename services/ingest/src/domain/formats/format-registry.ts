import { DomainError, type JsonObject } from '#libs/kernel';
import type { AlertFormat } from './alert-format';
import { cef } from './cef';
import { elasticAlert } from './elastic-alert';
import { leef } from './leef';
import { ocsfFinding } from './ocsf-finding';
import { splunkNotable } from './splunk-notable';
import { suricataEve } from './suricata-eve';

export const BUILT_IN_FORMATS: readonly AlertFormat[] = [
  ocsfFinding,
  elasticAlert,
  suricataEve,
  splunkNotable,
  cef,
  leef,
];

/** The formats that alerts may come in: the built-in ones and the operator's mappings. */
export class FormatRegistry {
  private readonly formats: ReadonlyMap<string, AlertFormat>;

  /** @throws DomainError('invalid_mapping') for two formats of one name. */
  constructor(mapped: readonly AlertFormat[] = []) {
    const formats = new Map<string, AlertFormat>();
    for (const format of [...BUILT_IN_FORMATS, ...mapped]) {
      if (formats.has(format.name)) {
        throw new DomainError('invalid_mapping', {
          field: 'name',
          reason: `'${format.name}' is the name of another format; choose another one.`,
        });
      }
      formats.set(format.name, format);
    }
    this.formats = formats;
  }

  names(): string[] {
    return [...this.formats.keys()];
  }

  /** @throws DomainError('unknown_format'), `field` naming where the name came from. */
  named(name: string, field: string): AlertFormat {
    const format = this.formats.get(name);
    if (format !== undefined) return format;
    throw new DomainError('unknown_format', {
      field,
      reason: `'${name}' is no format here; known are ${this.names().join(', ')}.`,
    });
  }

  /** Those that know the replies of their product's API. */
  withPages(): AlertFormat[] {
    return [...this.formats.values()].filter(({ pages }) => pages !== undefined);
  }

  /** The first format that an alert looks like. */
  recognizing(alert: JsonObject): AlertFormat | undefined {
    for (const format of this.formats.values()) if (format.recognizes(alert)) return format;
    return undefined;
  }

  /** The format that an alert looks like. @throws DomainError('unknown_format') when it looks like none. */
  detected(alert: JsonObject): AlertFormat {
    const format = this.recognizing(alert);
    if (format !== undefined) return format;
    throw new DomainError('unknown_format', {
      reason: `The alert looks like none of ${this.names().join(', ')}; name its format by ?format=, or add a mapping.`,
    });
  }
}
