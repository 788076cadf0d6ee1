import type { Random } from './random';

/** What a SIEM sends about one thing that has happened, and what has to come of it. */
export const STORY_KINDS = [
  'contained',
  'denied',
  'expired',
  'triaged',
  'storm',
  'repeated',
  'harmless',
  'refused',
] as const;
export type StoryKind = (typeof STORY_KINDS)[number];

export interface Story {
  readonly kind: StoryKind;
  /** Unique in the site: its user, host and event ids are made of it. */
  readonly id: string;
  readonly source: string;
  /** Sent one after another, each once the one before is acknowledged. One alert goes alone, more as NDJSON. */
  readonly bodies: readonly (readonly object[])[];
}

export const SOURCES = ['splunk-east', 'splunk-west'] as const;
/** The robot denies what is asked for accounts that begin so. */
export const NEVER_DISABLED = 'vip-';
/** Known as malicious by the shipped list, so that the playbook that contains starts. */
const ATTACKER = '203.0.113.66';
const ELSEWHERE = '192.0.2.77';
const STORM_ALERTS = 60;

interface Notable {
  readonly user: string;
  readonly title: string;
  readonly urgency: 'informational' | 'low' | 'medium' | 'high';
  readonly src: string;
  readonly count?: number;
}

export function tellStory(kind: StoryKind, id: string, random: Random): Story {
  const notable = (number: number, { user, title, urgency, src, count = 1 }: Notable): object => ({
    _time: '2026-11-24T13:06:10.000+00:00',
    event_id: `chaos@@notable@@${id}-${number}`,
    search_name: `${title} - Rule`,
    rule_title: title,
    urgency,
    src,
    src_ip: src,
    dest: `host-${id}`,
    user,
    count: String(count),
  });
  const user = `u-${id}`;
  const attack = { title: 'Brute force against the VPN', urgency: 'high', src: ATTACKER } as const;
  const quiet = { user, title: 'Unusual log-on', urgency: 'low', src: ELSEWHERE } as const;
  const bodies = (): object[][] => {
    switch (kind) {
      case 'contained':
        return [[notable(0, { ...attack, user })]];
      case 'denied':
        return [[notable(0, { ...attack, user: `${NEVER_DISABLED}${id}` })]];
      case 'expired':
        return [[notable(0, { ...quiet, title: 'Somebody is locked out', urgency: 'high' })]];
      case 'triaged':
        return [[notable(0, { ...quiet, urgency: 'medium' })]];
      case 'storm':
        return [Array.from({ length: STORM_ALERTS }, (_, number) => notable(number, quiet))];
      case 'repeated':
        return [[notable(0, quiet)], [notable(0, quiet)], [notable(0, { ...quiet, count: 2 })]];
      case 'harmless':
        return [[notable(0, { ...quiet, urgency: 'informational' })]];
      case 'refused':
        return [[{ search_name: `no id ${id}` }, notable(0, quiet)]];
    }
  };
  return { kind, id, source: random.pick(SOURCES), bodies: bodies() };
}
