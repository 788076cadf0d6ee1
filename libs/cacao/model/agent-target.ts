import Type, { type TProperties, type TSchema } from 'typebox';
import { Closed, Extensions, Optional, SomeTexts } from './schema-parts';
import { Identifier } from './identifier';

/** CACAO 2.0, section 10.4. */
const CivicLocation = Closed({
  name: Optional(Type.String()),
  description: Optional(Type.String()),
  building_details: Optional(Type.String()),
  network_details: Optional(Type.String()),
  region: Optional(Type.String()),
  country: Optional(Type.String()),
  administrative_area: Optional(Type.String()),
  city: Optional(Type.String()),
  street_address: Optional(Type.String()),
  postal_code: Optional(Type.String()),
  latitude: Optional(Type.String()),
  longitude: Optional(Type.String()),
  precision: Optional(Type.String()),
});

/** Something@something.tld, or a variable: no quotes, blanks or shell characters. */
const EMAIL =
  "^(?:[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]+(?:\\.[A-Za-z0-9-]+)+|__[a-zA-Z_][\\w-]*__:value)$";

/** CACAO 2.0, section 10.5. */
const Contact = Closed({
  email: Optional(Type.Record(Type.String(), Type.String({ pattern: EMAIL }))),
  phone: Optional(Type.Record(Type.String(), Type.String())),
  contact_details: Optional(Type.String()),
});

const ofEvery = {
  type: Type.String({ minLength: 1 }),
  name: Type.String({ minLength: 1 }),
  description: Optional(Type.String()),
  location: Optional(CivicLocation),
  agent_target_extensions: Optional(Extensions),
};
const agentOrTarget = (properties: TProperties) => Closed({ ...ofEvery, ...properties });

/** CACAO 2.0, section 10.11: by the kind of address. */
const NetworkAddress = Closed({
  dname: Optional(Type.Array(Type.String())),
  ipv4: Optional(Type.Array(Type.String())),
  ipv6: Optional(Type.Array(Type.String())),
  l2mac: Optional(Type.Array(Type.String())),
  vlan: Optional(Type.Array(Type.Union([Type.String(), Type.Integer({ minimum: 0, maximum: 4095 })]))),
  url: Optional(Type.Array(Type.String())),
});
const network = {
  address: NetworkAddress,
  port: Optional(Type.String()),
  authentication_info: Optional(Identifier),
  category: Optional(SomeTexts),
};

/** CACAO 2.0, sections 7.3 to 7.12: agents and targets share their types. */
const AGENTS_AND_TARGETS: Readonly<Record<string, TSchema>> = {
  group: agentOrTarget({ contact: Optional(Contact) }),
  individual: agentOrTarget({ contact: Optional(Contact) }),
  organization: agentOrTarget({ contact: Optional(Contact) }),
  location: agentOrTarget({ logical: Optional(SomeTexts) }),
  sector: agentOrTarget({ sector: Type.String() }),
  'security-category': agentOrTarget({ category: SomeTexts }),
  'http-api': agentOrTarget(network),
  linux: agentOrTarget(network),
  'net-address': agentOrTarget(network),
  ssh: agentOrTarget(network),
};

/** The vocabulary is open: another type has the common properties, and its own. */
const OTHER = Type.Object(ofEvery, { additionalProperties: true });

export const isAgentTargetType = (type: string): boolean => Object.hasOwn(AGENTS_AND_TARGETS, type);

export function agentTargetSchema(type: string): TSchema {
  return isAgentTargetType(type) ? (AGENTS_AND_TARGETS[type] ?? OTHER) : OTHER;
}

const ofEveryAuthentication = {
  type: Type.String({ minLength: 1 }),
  name: Optional(Type.String()),
  description: Optional(Type.String()),
  authentication_info_extensions: Optional(Extensions),
  kms: Optional(Type.Boolean()),
  kms_key_identifier: Optional(Type.String()),
};
const authentication = (properties: TProperties) => Closed({ ...ofEveryAuthentication, ...properties });

/** CACAO 2.0, sections 6.3 to 6.5. */
const AUTHENTICATIONS: Readonly<Record<string, TSchema>> = {
  'http-basic': authentication({ user_id: Optional(Type.String()), password: Optional(Type.String()) }),
  oauth2: authentication({ oauth_header: Type.String(), token: Type.String() }),
  'user-auth': authentication({
    username: Optional(Type.String()),
    password: Optional(Type.String()),
    private_key: Optional(Type.String()),
  }),
};
const OTHER_AUTHENTICATION = Type.Object(ofEveryAuthentication, { additionalProperties: true });

export function authenticationSchema(type: string): TSchema {
  return Object.hasOwn(AUTHENTICATIONS, type) ? (AUTHENTICATIONS[type] ?? OTHER_AUTHENTICATION) : OTHER_AUTHENTICATION;
}
