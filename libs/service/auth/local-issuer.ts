import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { calculateJwkThumbprint, exportJWK, SignJWT, type JWK } from 'jose';
import { API_AUDIENCE, DEFAULT_TENANT, MCP_AUDIENCE } from '#contracts/identity';
import { type Clock, DomainError, systemClock } from '#libs/kernel';
import { LOCAL_CLIENTS } from '../config';
import type { Profile } from '../service-definition';
import { LOCAL_ACCOUNTS, LOCAL_AGENT, LOCAL_TOKEN_SECONDS } from './local-accounts';

export interface LocalTokenRequest {
  readonly subject: string;
  /** `countersign-cli` by default. */
  readonly clientId?: string;
  /** `countersign` by default; an agent's is always `countersign-mcp`. */
  readonly audience?: string;
}

/**
 * The OIDC issuer of the demo and development profiles: gives a token to whoever asks for one, and so must not exist in
 * production. Its key lies in the data folder, so that tokens outlive a restart.
 */
export class LocalIssuer {
  private constructor(
    readonly url: string,
    private readonly privateKey: KeyObject,
    private readonly publicJwk: JWK,
    private readonly clock: Clock,
  ) {}

  /**
   * @param url what stands in `iss`, without a slash at the end
   * @param keyFile where the Ed25519 key is kept (PEM); without one it lives in memory
   * @throws DomainError('invalid_configuration') in the production profile
   */
  static async open(profile: Profile, url: string, keyFile?: string, clock: Clock = systemClock): Promise<LocalIssuer> {
    if (profile === 'production') {
      throw new DomainError('invalid_configuration', {
        field: 'COUNTERSIGN_PROFILE',
        reason: 'the production profile has no local issuer: set OIDC_ISSUER to a real one',
      });
    }
    const privateKey = keyFile === undefined ? newKey() : keptKey(keyFile);
    const jwk = await exportJWK(createPublicKey(privateKey));
    const kid = await calculateJwkThumbprint(jwk);
    return new LocalIssuer(url, privateKey, { ...jwk, kid, alg: 'EdDSA', use: 'sig' }, clock);
  }

  /** OpenID Connect Discovery 1.0, section 3, as far as it goes here. */
  discovery() {
    return {
      issuer: this.url,
      jwks_uri: `${this.url}/.well-known/jwks.json`,
      token_endpoint: `${this.url}/oauth/token`,
      grant_types_supported: [LOCAL_GRANT],
      response_types_supported: [],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['EdDSA'],
      token_endpoint_auth_methods_supported: ['none'],
    };
  }

  jwks() {
    return { keys: [this.publicJwk] };
  }

  /** Throws DomainError('invalid_field') for a subject, client or audience that does not exist here. */
  async issue({ subject, clientId = 'countersign-cli', audience }: LocalTokenRequest) {
    const account = LOCAL_ACCOUNTS.find((one) => one.subject === subject);
    if (account === undefined) {
      const names = LOCAL_ACCOUNTS.map((one) => one.subject).join(', ');
      throw wrong('subject', `There is no local account '${subject}'; there are ${names}.`);
    }
    if (!(clientId in LOCAL_CLIENTS)) {
      const names = Object.keys(LOCAL_CLIENTS).join(', ');
      throw wrong('client_id', `There is no client '${clientId}'; there are ${names}.`);
    }
    const isAgent = clientId === LOCAL_AGENT.clientId;
    const granted = audience ?? (isAgent ? MCP_AUDIENCE : API_AUDIENCE);
    if (granted !== MCP_AUDIENCE && (isAgent || granted !== API_AUDIENCE)) {
      throw wrong(
        'audience',
        isAgent ? `An agent's tokens are for ${MCP_AUDIENCE} alone.` : `It must be ${API_AUDIENCE} or ${MCP_AUDIENCE}.`,
      );
    }
    const token = await this.sign({
      sub: subject,
      aud: granted,
      azp: clientId,
      roles: isAgent ? LOCAL_AGENT.roles : account.roles,
      ...(isAgent && { act: { sub: LOCAL_AGENT.clientId } }),
    });
    return { access_token: token, token_type: 'Bearer' as const, expires_in: LOCAL_TOKEN_SECONDS };
  }

  /** Signs any claims: for tests of what the services refuse. `tenant`, `iss`, `iat` and `exp` are filled in. */
  async sign(claims: Record<string, unknown>, lifetimeSeconds = LOCAL_TOKEN_SECONDS): Promise<string> {
    const now = Math.floor(this.clock.now().getTime() / 1000);
    return new SignJWT({ tenant: DEFAULT_TENANT, iss: this.url, iat: now, exp: now + lifetimeSeconds, ...claims })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: this.publicJwk.kid })
      .sign(this.privateKey);
  }
}

/** The grant type of `POST /oauth/token`: names a subject, proves nothing. */
export const LOCAL_GRANT = 'urn:countersign:params:oauth:grant-type:local';

const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey;

/** Two processes may make it at the same time: the file that was there first is the key. */
function keptKey(file: string): KeyObject {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, newKey().export({ type: 'pkcs8', format: 'pem' }), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!existsSync(file)) throw error;
  }
  return createPrivateKey(readFileSync(file));
}

function wrong(field: string, reason: string): DomainError {
  return new DomainError('invalid_field', { field, reason });
}
