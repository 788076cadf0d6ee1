/** Somebody outside who keeps our checkpoints, so that the ledger cannot be rewritten unseen. */
export type Witness = { readonly name: string; readonly everyMs: number } & WitnessPlace;

export type WitnessPlace =
  /** A file that each checkpoint is added to, a line each; on another disk, best one that can only be added to. */
  | { readonly kind: 'file'; readonly path: string }
  /** An address that each statement is posted to. */
  | { readonly kind: 'webhook'; readonly url: string; readonly tokenFile?: string }
  /** Another Countersign, which accepts only what continues the last. */
  | { readonly kind: 'countersign'; readonly url: string; readonly tokenFile: string };
