import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { readFile } from 'node:fs/promises';
import type { KafkaSettings } from '#libs/bus';
import type { SecretFiles } from '#libs/egress';
import type { ServiceMetrics } from '#libs/service';
import type { KafkaSourceCluster } from '../adapters/kafka-sources-file';
import { KafkaSource, type KafkaSourceParts } from './kafka-source';

type Parts = Omit<KafkaSourceParts, 'cluster' | 'kafka'> & {
  readonly secrets: Pick<SecretFiles, 'resolve'>;
  readonly metrics: Pick<ServiceMetrics, 'gauge' | 'total'>;
  /** Aborts when the service begins to stop. */
  readonly stopping: AbortSignal;
};

/** The topics of other people's Kafka clusters that alerts are taken from. */
export class KafkaSources implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private sources: readonly KafkaSource[] = [];
  private ending: Promise<unknown> | undefined;

  constructor(
    private readonly clusters: readonly KafkaSourceCluster[],
    private readonly parts: Parts,
  ) {
    this.observe();
  }

  /** @throws DomainError('secret_unresolved'), or what the reading of a certificate fails with: the service does not start then. */
  async onApplicationBootstrap(): Promise<void> {
    if (this.clusters.length === 0) return;
    const opened = await Promise.all(this.clusters.map((cluster) => this.sourcesOf(cluster)));
    this.sources = opened.flat();
    this.parts.stopping.addEventListener('abort', () => void this.stop());
    for (const { topic } of this.sources) topic.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.stop();
  }

  private stop(): Promise<unknown> {
    return (this.ending ??= Promise.all(this.sources.map(({ topic }) => topic.stop())));
  }

  private async sourcesOf(cluster: KafkaSourceCluster): Promise<KafkaSource[]> {
    const kafka = await this.settingsOf(cluster);
    return cluster.topics.map((topic) => new KafkaSource(topic, { ...this.parts, cluster: cluster.name, kafka }));
  }

  private async settingsOf({ brokers, tls, sasl }: KafkaSourceCluster): Promise<KafkaSettings> {
    const { password } = sasl === undefined ? {} : await this.parts.secrets.resolve({ password: sasl.password });
    return {
      brokers,
      ssl: typeof tls === 'object' ? await certificatesOf(tls) : tls,
      ...(sasl !== undefined && { sasl: { ...sasl, password: String(password) } }),
    };
  }

  private observe(): void {
    const { metrics } = this.parts;
    const names = ['cluster', 'topic', 'group'];
    const ofEach = (read: (source: KafkaSource) => number | undefined) => async () =>
      this.sources.flatMap((source) => {
        const value = read(source);
        return value === undefined ? [] : [{ labels: source.labels, value }];
      });
    metrics.gauge(
      'countersign_kafka_source_consuming',
      '0 while a topic that alerts are taken from cannot be read',
      names,
      ofEach(({ topic }) => (topic.trouble === undefined ? 1 : 0)),
    );
    metrics.gauge(
      'countersign_kafka_source_commit_age_seconds',
      'Since this process last committed an offset',
      names,
      ofEach(({ topic }) => topic.secondsSinceCommit),
    );
    const total = (name: keyof KafkaSource['counts'], help: string) =>
      metrics.total(
        `countersign_kafka_source_${name}_total`,
        help,
        names,
        ofEach(({ counts }) => counts[name]),
      );
    total('records', 'Records that this process has taken');
    total('alerts', 'Receptions that they made');
    total('rejected', 'Those of them that were refused');
    metrics.gauge(
      'countersign_kafka_source_lag_records',
      'Records that wait on the topic, as its broker counts them',
      [...names, 'partition'],
      async () => {
        const lags = await Promise.all(
          this.sources.map(async ({ topic, labels }) =>
            (await topic.lag()).map(({ partition, lag }) => ({
              labels: { ...labels, partition: String(partition) },
              value: lag,
            })),
          ),
        );
        return lags.flat();
      },
    );
  }
}

async function certificatesOf(files: Exclude<KafkaSourceCluster['tls'], boolean | undefined>) {
  const textOf = async (file: string | undefined) => (file === undefined ? undefined : readFile(file, 'utf8'));
  const [ca, cert, key] = await Promise.all([files.ca_file, files.cert_file, files.key_file].map(textOf));
  return { ca, cert, key };
}
