import { startAllInOne } from '../../all-in-one/src/start-all-in-one';
import { startCluster } from '../../all-in-one/src/cluster/start-cluster';
import type { DemoOptions } from './demo-options';

/** Countersign, running in either mode. */
export interface Launched {
  readonly gatewayUrl: string;
  readonly dataFolder: string;
  stop(): Promise<void>;
}

export function launch(
  { cluster, ports }: Pick<DemoOptions, 'cluster' | 'ports'>,
  dataDir: string,
  progress: (message: string) => void,
): Promise<Launched> {
  const options = { dataDir, profile: 'demo', quiet: true, ports, progress } as const;
  return cluster ? startCluster(options) : startAllInOne(options);
}
