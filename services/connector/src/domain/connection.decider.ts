import type { ConnectionEvent } from '#contracts/events/connection';
import { DomainError, type Decider, type JsonObject } from '#libs/kernel';

/** How one outside system is reached. Settings hold `secret://` references, never secrets. */
export interface ConnectionDetails {
  readonly connector: string;
  readonly name: string;
  readonly settings: JsonObject;
  readonly allowedHosts: readonly string[];
}

export type ConnectionState =
  | { readonly status: 'absent'; readonly version: number }
  | ({ readonly status: 'registered'; readonly version: number } & ConnectionDetails);

export type ConnectionCommand =
  | ({ readonly type: 'RegisterConnection'; readonly connectionId: string } & ConnectionDetails)
  | { readonly type: 'RemoveConnection'; readonly connectionId: string };

function decide(command: ConnectionCommand, state: ConnectionState): ConnectionEvent[] {
  const { connectionId } = command;
  if (command.type === 'RemoveConnection') {
    if (state.status === 'absent') {
      throw new DomainError('unknown_connection', { field: 'id', reason: `There is no connection "${connectionId}".` });
    }
    return [{ type: 'ConnectionRemoved', data: { connectionId, version: state.version } }];
  }
  if (state.status === 'registered' && sameDetails(state, command)) return [];
  const { connector, name, settings, allowedHosts } = command;
  return [
    {
      type: 'ConnectionRegistered',
      data: { connectionId, connector, name, version: state.version + 1, settings, allowedHosts: [...allowedHosts] },
    },
  ];
}

function sameDetails(a: ConnectionDetails, b: ConnectionDetails): boolean {
  const details = ({ connector, name, settings, allowedHosts }: ConnectionDetails) =>
    JSON.stringify([connector, name, Object.entries(settings).sort(([x], [y]) => (x < y ? -1 : 1)), allowedHosts]);
  return details(a) === details(b);
}

function evolve(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  switch (event.type) {
    case 'ConnectionRegistered': {
      const { version, connector, name, settings, allowedHosts } = event.data;
      // The contract's JSON Schema has made sure that settings is a JSON object.
      return { status: 'registered', version, connector, name, settings: settings as JsonObject, allowedHosts };
    }
    case 'ConnectionRemoved':
      return { status: 'absent', version: event.data.version };
    case 'ManifestPublished':
      return state;
    default: {
      const _: never = event;
      return _;
    }
  }
}

/** A connection on its stream `connection-<id>`. Its version counts up for ever, so that a warrant binds to one of them. */
export const connectionDecider: Decider<ConnectionState, ConnectionCommand, ConnectionEvent> = {
  decide,
  evolve,
  initialState: () => ({ status: 'absent', version: 0 }),
};

export const connectionStream = (connectionId: string): string => `connection-${connectionId}`;
