/** PEM, each. */
export interface TlsSettings {
  /** Instead of Node's certificate authorities. */
  readonly ca?: string;
  /** Who we are, where the brokers ask for it. */
  readonly cert?: string;
  readonly key?: string;
}

/** How to reach Kafka, and what tests change. */
export interface KafkaSettings {
  /** `host:port` of some of the brokers. */
  readonly brokers: readonly string[];
  /** TLS, verified by Node's certificate authorities (NODE_EXTRA_CA_CERTS adds one), or by those that are named. */
  readonly ssl?: boolean | TlsSettings;
  readonly sasl?: { readonly mechanism: string; readonly username: string; readonly password: string };
  /** Put before every topic and group, so that several installations, or tests, share a broker. */
  readonly prefix?: string;
  /** After so long without a heartbeat a consumer's partitions go to another. 6 to 10 s; milliseconds. */
  readonly sessionTimeoutMs?: number;
  /** How many partitions a service handles at once. */
  readonly concurrency?: number;
}
