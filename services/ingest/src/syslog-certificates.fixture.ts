import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** A certificate authority of a test, and what it has signed, in a folder: `<name>.pem` and `<name>.key`. */
export class TestAuthority {
  constructor(
    private readonly folder: string,
    readonly name: string,
  ) {
    this.make(name, name, ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign'], []);
  }

  /** @param alternatives as in `DNS:relay.example.org`; there need be none. */
  sign(name: string, alternatives: readonly string[] = []): void {
    const signer = ['-CA', this.path(`${this.name}.pem`), '-CAkey', this.path(`${this.name}.key`)];
    const extensions = alternatives.length > 0 ? [`subjectAltName=${alternatives.join(',')}`] : [];
    this.make(name, name, ['basicConstraints=critical,CA:FALSE', ...extensions], signer);
  }

  path(file: string): string {
    return join(this.folder, file);
  }

  private make(file: string, commonName: string, extensions: readonly string[], signer: readonly string[]): void {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const out = ['-keyout', this.path(`${file}.key`), '-out', this.path(`${file}.pem`)];
    const added = extensions.flatMap((extension) => ['-addext', extension]);
    execFileSync(
      'openssl',
      // Without the defaults of the machine, which would add extensions of their own.
      [
        'req',
        '-x509',
        '-config',
        '/dev/null',
        ...key,
        ...out,
        '-subj',
        `/CN=${commonName}`,
        '-days',
        '2',
        ...added,
        ...signer,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
  }
}

export function hasOpenssl(): boolean {
  try {
    return /^OpenSSL [3-9]/.test(execFileSync('openssl', ['version'], { encoding: 'utf8' }));
  } catch {
    return false;
  }
}
