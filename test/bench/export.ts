import { exportBench } from './export-memory';
import { runBench } from './report';

runBench(exportBench);
