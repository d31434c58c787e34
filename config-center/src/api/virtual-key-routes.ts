import { createHmac, randomBytes } from 'node:crypto';
import { ADMIN_API, type VirtualKey } from '@ai-gateway/contracts';
import type { Express } from 'express';
import { withoutSecrets } from '../db/audited.ts';
import { handle, handleCrud } from './handle.ts';
import { virtualKeys } from './kinds.ts';
import { operations, type ResourceOptions } from './resources.ts';

export interface VirtualKeyOptions extends ResourceOptions {
  /** Key of the HMAC that is kept instead of a secret. */
  readonly keyPepper: string;
}

/** Virtual keys: as every resource, and what happens to their secrets and switches. */
export function virtualKeyRoutes(app: Express, options: VirtualKeyOptions): void {
  const { authorize, keyPepper, now } = options;
  const { virtualKeys: routes } = ADMIN_API;
  const ofKeys = operations(virtualKeys, options);
  handleCrud(app, routes, authorize, {
    async list(call) {
      const page = await ofKeys.list(call);
      return { ...page, items: page.items.map(withoutSecrets) };
    },
    async create({ body, ...call }) {
      const { secret, ...kept } = newSecret(keyPepper);
      return { ...withoutSecrets(await ofKeys.add(call, (id) => ({ ...body, id, ...kept }))), secret };
    },
    read: async (call) => withoutSecrets(await ofKeys.read(call)),
    update: async (call) => withoutSecrets(await ofKeys.update(call)),
    remove: ofKeys.remove,
  });
  handle(app, routes.rotate, authorize, async ({ body, ...call }) => {
    const { secret, ...fresh } = newSecret(keyPepper);
    const until = new Date(Date.parse(now()) + body.graceSeconds * 1000).toISOString();
    const rotated = await ofKeys.amend(call, (key) => ({
      ...withoutPrevious(key),
      ...fresh,
      ...(body.graceSeconds > 0 && { previousSecretHash: key.secretHash, previousUntil: until }),
      statusReason: body.reason,
    }));
    return { ...withoutSecrets(rotated), secret };
  });
  for (const [route, isEnabled] of [[routes.activate, true] as const, [routes.deactivate, false] as const]) {
    handle(app, route, authorize, async ({ body, ...call }) => {
      const switched = await ofKeys.amend(call, (key) =>
        key.isEnabled === isEnabled ? key : { ...key, isEnabled, statusReason: body.reason },
      );
      return withoutSecrets(switched);
    });
  }
}

/** A secret, and what is kept of it. */
function newSecret(keyPepper: string) {
  const secret = `vk_${randomBytes(32).toString('base64url')}`;
  const secretHash = createHmac('sha256', keyPepper).update(secret).digest('hex');
  return { secret, prefix: secret.slice(0, 9), secretHash };
}

function withoutPrevious({ previousSecretHash: _, previousUntil: __, ...key }: VirtualKey): VirtualKey {
  return key;
}
