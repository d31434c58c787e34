import { randomBytes } from 'node:crypto';
import { ADMIN_API, type ProviderKey } from '@ai-gateway/contracts';
import { type MasterKeys, SecretUnreadable } from '@ai-gateway/contracts/secrets';
import type { Express } from 'express';
import { sessionFor } from '../auth/authorize.ts';
import { withoutSecrets } from '../db/audited.ts';
import { withoutStamps } from '../domain/build-snapshot.ts';
import { Refusal } from '../domain/faults.ts';
import { outdated, reportOn, rewrapped, sealedFields } from '../domain/sealed-rows.ts';
import { handle, handleCrud } from './handle.ts';
import { providerKeys } from './kinds.ts';
import { operations, type ResourceOptions } from './resources.ts';

/** Secrets that are brought under another master key in one transaction, so that other changes are not kept waiting. */
const BATCH = 100;

export interface ProviderKeyOptions extends ResourceOptions {
  readonly masterKeys: MasterKeys;
}

/** Registers the keys of providers. Secrets come in and never go out. */
export function providerKeyRoutes(app: Express, options: ProviderKeyOptions): void {
  const { authorize, masterKeys } = options;
  const ofKeys = operations(providerKeys, options);

  function sealed(rowId: string, secret: string): Pick<ProviderKey, 'lastFour' | 'sealed'> {
    if (masterKeys.currentId === undefined) {
      throw new Refusal(409, 'Secrets cannot be stored: SECRETS_KEYS of the config center is not set.');
    }
    return sealedFields(rowId, secret, masterKeys, randomBytes);
  }

  handleCrud(app, ADMIN_API.providerKeys, authorize, {
    async list(call) {
      const page = await ofKeys.list(call);
      return { ...page, items: page.items.map(withoutSecrets) };
    },
    create: async ({ body: { secret, ...draft }, ...call }) =>
      withoutSecrets(await ofKeys.add(call, (id) => ({ ...draft, id, ...sealed(id, secret) }))),
    read: async (call) => withoutSecrets(await ofKeys.read(call)),
    update: async (call) => withoutSecrets(await ofKeys.update(call)),
    remove: ofKeys.remove,
  });
  handle(app, ADMIN_API.providerKeys.rotate, authorize, async ({ body, ...call }) =>
    withoutSecrets(await ofKeys.amend(call, (current) => ({ ...current, ...sealed(current.id, body.secret) }))),
  );
}

/** Registers what shows the use of master keys, and the way to a new one. */
export function secretRoutes(app: Express, { store, publisher, authorize, masterKeys, now }: ProviderKeyOptions): void {
  const report = async () => reportOn(await store.all('provider_key'), masterKeys);

  async function rewrapBatch(actor: string): Promise<number> {
    return publisher.change(async (resources) => {
      const rows = outdated(await resources.all('provider_key'), masterKeys).slice(0, BATCH);
      for (const row of rows.map(withoutStamps)) {
        await resources.update('provider_key', rewrappedOrRefused(row, masterKeys), now());
      }
      return rows.length;
    }, actor);
  }

  handle(app, ADMIN_API.secrets.read, authorize, report);
  handle(app, ADMIN_API.secrets.rotate, authorize, async ({ response }) => {
    const { currentId } = masterKeys;
    if (currentId === undefined) throw new Refusal(409, 'SECRETS_KEYS of the config center is not set.');
    const { administrator: actor } = sessionFor(response);
    let done = 0;
    for (;;) {
      const count = await rewrapBatch(actor);
      if (count === 0) break;
      done += count;
    }
    if (done > 0) {
      const after = { rewrapped: done };
      await store.record({ at: now(), actor, action: 'update', kind: 'master_key', rowId: currentId, after });
    }
    return { ...(await report()), rewrapped: done };
  });
}

/** @throws Refusal 409 naming the row, when its secret does not open */
function rewrappedOrRefused(row: ProviderKey, masterKeys: MasterKeys): ProviderKey {
  try {
    return rewrapped(row, masterKeys, randomBytes);
  } catch (error) {
    if (!(error instanceof SecretUnreadable)) throw error;
    const hint = 'Replace its secret or delete it, then rotate again.';
    throw new Refusal(409, `The provider key ${row.id} ("${row.name}") cannot be read: ${error.message}. ${hint}`);
  }
}
