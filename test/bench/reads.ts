import { readsBench } from './read-curve';
import { runBench } from './report';

runBench(readsBench);
