import { setTimeout as pause } from 'node:timers/promises';
import { Approver } from './approver';
import { type Imbalance, checkBooks } from './books';
import { Effects } from './effects';
import { describeFault, drawFaults, type Fault, type FaultKind, heal, inflict } from './fault';
import { Random } from './random';
import { settled } from './settle';
import { Siem } from './siem';
import type { Site } from './site';
import type { Stage } from './stage';
import { STORY_KINDS, type Story, type StoryKind, tellStory } from './story';
import { endsOf, withoutUnknown } from './story-ends';

export interface RoundPlan {
  readonly number: number;
  readonly seed: number;
  /** 0: nothing is done to it. */
  readonly faults: number;
  readonly kinds: readonly FaultKind[];
  /** For how long alerts come in, and faults happen. */
  readonly seconds: number;
}

export interface RoundResult {
  readonly faults: readonly string[];
  readonly stories: number;
  readonly acknowledged: number;
  readonly unanswered: number;
  readonly settledMs: number;
  /** By kind of story, how one of it ended. */
  readonly ends: ReadonlyMap<StoryKind, readonly string[]>;
  readonly imbalance: Imbalance;
}

/** Every so often something happens that a SIEM tells of. */
const STORY_EVERY_MS = 800;

/**
 * Load and faults, then calm, then the books.
 * @param expected how each kind of story ends without faults; absent in the round that finds out.
 */
export async function runRound(
  plan: RoundPlan,
  site: Site,
  stage: Stage,
  expected: ReadonlyMap<StoryKind, readonly string[]> | undefined,
  report: (message: string) => void,
): Promise<RoundResult> {
  const { number, seed, seconds } = plan;
  const stories = drawStories(plan);
  const random = Random.of(seed, 'faults', number);
  const planned = drawFaults(plan.faults, plan.kinds, site.instances, random)
    .map((fault) => ({ fault, atMs: random.between(1_000, seconds * 1_000) }))
    .sort((a, b) => a.atMs - b.atMs);
  const siem = new Siem(site, stage.tokens);
  const approver = new Approver(site.cluster.gatewayUrl);
  const log: string[] = [];
  const told: Promise<void>[] = [];
  const burst = (alerts: number): void =>
    void told.push(silent(siem.tell(aBurst(number, told.length, alerts), 'ingest')));
  const begun = performance.now();
  try {
    await Promise.all([
      tellAll(stories, siem, Random.of(seed, 'ways', number), told),
      ...planned.map(({ fault, atMs }) => at(begun + atMs, () => suffer(fault, site, burst, begun, log, report))),
    ]);
    heal(site);
    const unsettled: string[] = [];
    const complain = (error: unknown): void =>
      void unsettled.push(error instanceof Error ? error.message : String(error));
    await Promise.all(told).catch(complain);
    const calm = performance.now();
    await settled(site).catch(complain);
    const settledMs = performance.now() - calm;
    const ends = await endsOf(stories, siem.acknowledged, site.ledger, await Effects.at(site.targets));
    return {
      faults: log,
      stories: stories.length,
      acknowledged: siem.acknowledged.length,
      unanswered: siem.unanswered,
      settledMs,
      ends: firstOfEachKind(stories, ends),
      imbalance: [...unsettled, ...(await checkBooks(site, siem.acknowledged)), ...otherEnds(stories, ends, expected)],
    };
  } finally {
    heal(site);
    site.control.setClocksRight();
    await approver.stop();
  }
}

/** All kinds once, then at random. */
function drawStories({ number, seed, seconds }: RoundPlan): Story[] {
  const random = Random.of(seed, 'stories', number);
  const count = Math.max(STORY_KINDS.length, Math.ceil((seconds * 1_000) / STORY_EVERY_MS));
  const kinds = random.dealt(STORY_KINDS, count);
  return kinds.map((kind, index) => tellStory(kind, `${seed}-${number}-${index}`, random));
}

/** Begins one after another and does not wait for their acknowledgement, as things happen in the world. */
async function tellAll(stories: readonly Story[], siem: Siem, random: Random, told: Promise<void>[]): Promise<void> {
  for (const story of stories) {
    told.push(silent(siem.tell(story, random.pick(['gateway', 'ingest'] as const))));
    await pause(STORY_EVERY_MS);
  }
}

/** It is awaited when the round ends; until then nothing else may report its failure. */
function silent(telling: Promise<void>): Promise<void> {
  telling.catch(() => undefined);
  return telling;
}

function aBurst(round: number, index: number, alerts: number): Story {
  const story = tellStory('storm', `burst-${round}-${index}`, new Random(0));
  const [like] = story.bodies[0] ?? [];
  const body = Array.from({ length: alerts }, (_, number) => ({
    ...like,
    event_id: `${story.id}@@notable@@${number}`,
  }));
  return { ...story, bodies: [body] };
}

async function at(moment: number, work: () => Promise<void>): Promise<void> {
  await pause(Math.max(0, moment - performance.now()));
  await work();
}

async function suffer(
  fault: Fault,
  site: Site,
  burst: (alerts: number) => void,
  begun: number,
  log: string[],
  report: (message: string) => void,
): Promise<void> {
  const line = `${((performance.now() - begun) / 1_000).toFixed(1).padStart(5)} s  ${describeFault(fault)}`;
  log.push(line);
  report(line);
  await inflict(fault, site, burst);
}

function firstOfEachKind(
  stories: readonly Story[],
  ends: ReadonlyMap<string, readonly string[]>,
): Map<StoryKind, readonly string[]> {
  const first = new Map<StoryKind, readonly string[]>();
  for (const { kind, id } of stories) if (!first.has(kind)) first.set(kind, ends.get(id) ?? []);
  return first;
}

/** Stories that ended otherwise than their kind does, and do not say that an outcome is unknown. */
function otherEnds(
  stories: readonly Story[],
  ends: ReadonlyMap<string, readonly string[]>,
  expected: ReadonlyMap<StoryKind, readonly string[]> = firstOfEachKind(stories, ends),
): string[] {
  return stories.flatMap(({ kind, id }) => {
    const own = ends.get(id) ?? [];
    const lines = withoutUnknown(own, own);
    const wanted = withoutUnknown(expected.get(kind) ?? [], own);
    if (lines.join('\n') === wanted.join('\n')) return [];
    const missing = wanted.filter((line) => !lines.includes(line)).map((line) => `  - ${line}`);
    const instead = lines.filter((line) => !wanted.includes(line)).map((line) => `  + ${line}`);
    return [`the story '${kind}' ${id} ended otherwise than without faults:`, ...missing, ...instead];
  });
}
