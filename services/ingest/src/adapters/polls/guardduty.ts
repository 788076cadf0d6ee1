import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import Type from 'typebox';
import { DomainError, type JsonObject } from '#libs/kernel';
import type { OpenSettings, PollApi, PolledProduct } from './poll-api';
import { alertsIn, answerOf, textIn, textsIn } from './poll-page';
import { headerOf, type PollTarget, type Refusal, type TargetAnswer } from './poll-target';

const reference = Type.String({ pattern: '^secret://' });

/**
 * Findings of GuardDuty in one region: their ids, and then themselves.
 * https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListFindings.html
 */
export const guarddutyFindings: PolledProduct = {
  ...{ format: 'aws-guardduty', isAscending: true, largestPage: 50, lookBackSeconds: 900, intervalSeconds: 60 },
  settings: Type.Object(
    {
      region: Type.String({ pattern: '^[a-z0-9-]{3,30}$' }),
      detectorId: Type.String({ minLength: 1 }),
      accessKeyId: Type.String({ minLength: 1 }),
      secretAccessKey: reference,
      sessionToken: Type.Optional(reference),
      baseUrl: Type.Optional(Type.String({ pattern: '^https?://' })),
    },
    { additionalProperties: false },
  ),
  urls: (settings) => [homeOf(settings)],
  open: ({ pageSize }, settings, target): PollApi => {
    const ask = signed(settings, target);
    return {
      list: async (since, nextToken) => {
        const { text, askedAt } = await ask('/findings', {
          findingCriteria: { criterion: { updatedAt: { greaterThanOrEqual: since } } },
          ...{ sortCriteria, maxResults: pageSize, ...(nextToken !== undefined && { nextToken }) },
        });
        const answer = answerOf(text);
        const findingIds = textsIn(answer, 'findingIds');
        const continuation = textIn(answer, 'nextToken');
        if (findingIds.length === 0) return { alerts: [], continuation, askedAt };
        const findings = await ask('/findings/get', { findingIds, sortCriteria });
        return { alerts: alertsIn(answerOf(findings.text), 'findings', ['updatedAt']), continuation, askedAt };
      },
    };
  },
};

const sortCriteria = { attributeName: 'updatedAt', orderBy: 'ASC' };

const homeOf = ({ baseUrl, region = '' }: OpenSettings): string =>
  baseUrl ?? `https://guardduty.${region}.amazonaws.com`;

function signed(settings: OpenSettings, target: PollTarget) {
  const { accessKeyId = '', secretAccessKey = '', sessionToken, region = '', detectorId = '' } = settings;
  const signer = new SignatureV4({
    ...{ service: 'guardduty', region, sha256: Sha256 },
    credentials: { accessKeyId, secretAccessKey, sessionToken },
  });
  return async (path: string, asked: JsonObject): Promise<TargetAnswer> => {
    const url = new URL(`/detector/${encodeURIComponent(detectorId)}${path}`, homeOf(settings));
    const body = JSON.stringify(asked);
    const { headers } = await signer.sign(
      {
        ...{ method: 'POST', protocol: url.protocol, hostname: url.hostname, path: url.pathname, body },
        headers: { host: url.host, 'content-type': 'application/json' },
      },
      { signingDate: target.now() },
    );
    const { host: _, ...rest } = headers;
    return target.send({ method: 'POST', url, headers: rest, body }, awsRefusal);
  };
}

/** AWS answers some of them with 400, and tells them by name. https://docs.aws.amazon.com/guardduty/latest/APIReference/CommonErrors.html */
const awsRefusal: Refusal = (answer) => {
  const name = /^\w+/.exec(headerOf(answer, 'x-amzn-errortype') ?? '')?.[0] ?? '';
  if (/Throttl|TooManyRequests|RequestLimitExceeded/.test(name)) {
    return new DomainError('throttled', `AWS answered ${answer.status} (${name}).`);
  }
  if (/ExpiredToken|UnrecognizedClient|InvalidClientTokenId|Signature|AccessDenied|OptInRequired/.test(name)) {
    return new DomainError('credentials_refused', `AWS answered ${answer.status} (${name}).`);
  }
  return undefined;
};

/** SHA-256 as the signer wants it. */
class Sha256 {
  private hash: Hash | Hmac;

  constructor(private readonly secret?: string | ArrayBuffer | ArrayBufferView) {
    this.hash = this.begun();
  }

  update(chunk: Uint8Array | string): void {
    this.hash.update(chunk);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.hash.digest());
  }

  reset(): void {
    this.hash = this.begun();
  }

  private begun(): Hash | Hmac {
    const { secret } = this;
    if (secret === undefined) return createHash('sha256');
    return createHmac('sha256', typeof secret === 'string' ? secret : bytesOf(secret));
  }
}

const bytesOf = (data: ArrayBuffer | ArrayBufferView): Uint8Array =>
  ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
