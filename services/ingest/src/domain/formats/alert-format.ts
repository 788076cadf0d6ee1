import type { DetectionFinding } from '#contracts/alert';
import type { JsonObject } from '#libs/kernel';

/** What a format cannot see in the alert itself. */
export interface Reception {
  /** Milliseconds since the epoch: the finding's time when the sender gave none. */
  readonly receivedAt: number;
  /**
   * The identity of an alert that brings no id: SHA-256 over the canonical form of the whole, and over where it lies where
   * that is a place for good.
   */
  readonly digest: string;
}

export interface NormalizedAlert {
  /**
   * The source's own id, in parts. Two alerts with the same parts are versions of one finding; two findings never have
   * the same parts. `alertId` is made of tenant, source and these.
   */
  readonly identity: readonly string[];
  readonly finding: DetectionFinding;
  readonly attack: readonly string[];
}

/** What a way in wraps around alerts. Pure. */
export interface AlertEnvelope {
  /** Of what arrives as a text, and is no JSON: what it says. @throws DomainError when it cannot be stored. */
  parse?(text: string): JsonObject;
  /**
   * What may be the alert inside, the likeliest first; empty where nothing is that a format could read.
   * @throws DomainError when the envelope is not one.
   */
  open(outer: JsonObject): readonly JsonObject[];
  /** For what looks like no alert inside: reads the whole. */
  readonly otherwise: AlertFormat;
}

/** One product's way of writing an alert. Pure. */
export interface AlertFormat {
  /** As in `?format=` and in a source's settings. */
  readonly name: string;
  readonly title: string;
  /** Where a reply of the product's API keeps its alerts, a list of them or an object of them by their ids. */
  readonly pages?: readonly string[];
  /** Whether an alert looks like this format, for sources that do not say what they send. */
  recognizes(alert: JsonObject): boolean;
  /** @throws DomainError naming the field and the reason when the alert is not one of this format. */
  normalize(alert: JsonObject, reception: Reception): NormalizedAlert;
}
