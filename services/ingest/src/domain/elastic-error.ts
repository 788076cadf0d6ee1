import type { ElasticError } from '#contracts/http/elastic-bulk';
import { DomainError } from '#libs/kernel';

/** What clients of Elasticsearch look for before they believe that they speak to it. */
export const ELASTIC_PRODUCT = { 'x-elastic-product': 'Elasticsearch' };

/** An action line that Elasticsearch would refuse the whole request for. */
export const malformed = (line: number, reason: string): DomainError =>
  new DomainError('invalid_field', { field: 'body', reason: `Malformed action/metadata line [${line}], ${reason}` });

/** An error of a whole request, in the form that Elasticsearch gives it. */
export function elasticAnswer(error: DomainError) {
  const [status, type] = formOf(error);
  const cause = { type, reason: error.reason };
  const body: ElasticError = { error: { root_cause: [cause], ...cause }, status };
  return { status, body, headers: ELASTIC_PRODUCT };
}

function formOf(error: DomainError): [status: number, type: string] {
  switch (error.kind) {
    case 'unauthenticated':
      return [401, 'security_exception'];
    case 'too_large':
      return [413, 'content_too_long_exception'];
    case 'throttled':
      return [429, 'es_rejected_execution_exception'];
    case 'unavailable':
      return [503, 'cluster_block_exception'];
    case 'internal':
      return [500, 'exception'];
    default:
      return [400, 'illegal_argument_exception'];
  }
}
