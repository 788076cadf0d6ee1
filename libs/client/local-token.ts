import { API_AUDIENCE } from '#contracts/identity';
import { ApiClient } from './api-client';

export const LOCAL_GRANT = 'urn:countersign:params:oauth:grant-type:local';

/** A token of the local issuer, which the demo and development profiles have, for one of its accounts. */
export async function localToken(
  url: string,
  subject: string,
  { clientId = 'countersign-cli', audience = API_AUDIENCE }: { clientId?: string; audience?: string } = {},
): Promise<{ access_token: string; expires_in: number }> {
  const body = { grant_type: LOCAL_GRANT, subject, client_id: clientId, audience };
  return new ApiClient(url).post('/oauth/token', body);
}
