import { runLaunched } from '../run-launched';
import { startCluster } from './start-cluster';

void runLaunched(
  (progress) => startCluster({ progress }),
  ({ gatewayUrl, dataFolder, services, broker }) =>
    [
      `Countersign is up as a cluster: ${gatewayUrl}  (API documentation: ${gatewayUrl}/docs)`,
      ...[...services.values()].map(({ name, url, pid }) => `  ${name.padEnd(22)} ${url}  process ${pid ?? '?'}`),
      `Kafka: ${broker.brokers.join(', ')}; data and logs: ${dataFolder}`,
      'Ctrl-C stops it.',
    ].join('\n'),
);
