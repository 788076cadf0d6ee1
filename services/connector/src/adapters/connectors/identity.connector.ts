import { declareAction, HTTP_SETTINGS, pick, textInput, type Connector } from './connector';

const shared: Pick<Parameters<typeof declareAction>[0], 'effect' | 'idempotent' | 'targetTypes' | 'input' | 'output'> =
  {
    effect: 'disruptive',
    idempotent: true,
    targetTypes: ['account'],
    input: { comment: textInput(1_000) },
    output: { state: { type: 'string' } },
  };

/** Disables and enables accounts; both change who gets in, so both are disruptive. */
export const identityConnector: Connector = {
  manifest: {
    connector: 'identity',
    title: 'Identity provider',
    description: 'Disables and enables user accounts.',
    settings: HTTP_SETTINGS,
    actions: [
      declareAction({
        ...shared,
        name: 'disable_account',
        title: 'Disable an account',
        inverse: 'enable_account',
        preview: true,
        wording: 'Disable the account {target.value}: its user is logged out and cannot log in',
      }),
      declareAction({
        ...shared,
        name: 'enable_account',
        title: 'Enable an account',
        inverse: 'disable_account',
        wording: 'Enable the account {target.value}: its user can log in again',
      }),
    ],
  },
  async perform({ action, target, parameters, send }) {
    const account = encodeURIComponent(target?.value ?? '');
    const state = action === 'disable_account' ? 'disabled' : 'enabled';
    return pick(
      await send({ method: 'PUT', path: `/accounts/${account}/state`, body: { state, ...parameters } }),
      'state',
    );
  },
};
