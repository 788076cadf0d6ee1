import { casesBench } from './million-cases';
import { runBench } from './report';

runBench(casesBench);
