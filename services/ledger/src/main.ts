import { runService } from '#libs/service';
import { service } from './service';

void runService(service);
