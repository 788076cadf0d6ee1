import { ApiClient, localToken } from '#libs/client';
import { PEOPLE, type Part } from './people';

/** One API client for each person of the demo; their tokens are renewed before they run out. */
export class DemoClients {
  private readonly known = new Map<Part, { client: ApiClient; until: number }>();

  constructor(readonly url: string) {}

  async as(part: Part): Promise<ApiClient> {
    const held = this.known.get(part);
    if (held && held.until > Date.now()) return held.client;
    const { access_token: token, expires_in: seconds } = await localToken(this.url, PEOPLE[part]);
    const client = new ApiClient(this.url, token);
    this.known.set(part, { client, until: Date.now() + (seconds * 1000) / 2 });
    return client;
  }
}
