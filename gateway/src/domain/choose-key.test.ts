import { providerKeyShape, providerShape, routingShape } from '@ai-gateway/contracts';
import { describe, expect, it } from 'vitest';
import { chooseKey, noKeyError, upstreamsWithKey } from './choose-key.ts';
import { openKeys, type SecretSource } from './provider-keys.ts';

const sealed = { masterKeyId: 'k', dataKey: 'A'.repeat(80), ciphertext: 'AAAA' };
const row = (id: string, fields: object = {}) =>
  providerKeyShape.parse({ id, providerId: 'p', name: id, lastFour: '', sealed, ...fields });
const provider = (fields: object = {}) => providerShape.parse({ id: 'p', name: 'acme', models: [], ...fields });
const source: SecretSource = {
  open({ id }) {
    if (id === 'broken') throw new Error('no master key');
    return `secret of ${id}`;
  },
  environment: (name) => (name === 'ACME_API_KEY' ? 'from the environment' : undefined),
};
const keysOf = (...rows: ReturnType<typeof row>[]) => openKeys(provider(), rows, source).keys;
const question = { upstreamId: 'u1', passedOver: new Set<string>(), random: () => 0 };
const upstream = (id: string) => ({ id }) as never;

describe('the choice of a key', () => {
  it('follows the weights', () => {
    const keys = keysOf(row('a', { weight: 1 }), row('b', { weight: 3 }));
    const chosen = [0, 0.24, 0.25, 0.6, 0.999].map((at) => chooseKey(keys, { ...question, random: () => at })?.id);
    expect(chosen).toEqual(['a', 'a', 'b', 'b', 'b']);
  });

  it('takes the smallest priority first, then the next one when that was refused, then whatever there is', () => {
    const keys = keysOf(row('second', { priority: 2 }), row('first', { priority: 1 }));
    const without = (...ids: string[]) => chooseKey(keys, { ...question, passedOver: new Set(ids) })?.id;
    expect([without(), without('first'), without('first', 'second')]).toEqual(['first', 'second', 'first']);
  });

  it('leaves out keys of other upstreams, and disabled ones', () => {
    const keys = keysOf(row('other', { upstreamId: 'u2' }), row('off', { isEnabled: false }), row('all'));
    expect(keys.map(({ id }) => id)).toEqual(['other', 'all']);
    expect(chooseKey(keys, question)?.id).toBe('all');
    expect(chooseKey(keysOf(row('other', { upstreamId: 'u2' })), question)).toBeUndefined();
  });
});

describe('the keys of a provider', () => {
  it('count the one in the environment as one more', () => {
    const { keys } = openKeys(provider({ apiKeyEnv: 'ACME_API_KEY' }), [row('a')], source);
    expect(keys.map(({ id, reveal }) => [id, reveal()])).toEqual([
      ['a', 'secret of a'],
      ['env:ACME_API_KEY', 'from the environment'],
    ]);
    expect(JSON.stringify(keys)).not.toContain('secret of a');
  });

  it('go on without one that does not open, and say why', () => {
    const { keys, unusableKeys } = openKeys(provider({ apiKeyEnv: 'NO_API_KEY' }), [row('broken'), row('a')], source);
    expect(keys.map(({ id }) => id)).toEqual(['a']);
    expect(unusableKeys).toEqual([
      { keyId: 'broken', provider: 'acme', reason: 'no master key' },
      { keyId: 'env:NO_API_KEY', provider: 'acme', reason: 'environment variable NO_API_KEY is not set' },
    ]);
  });

  it('decide which upstreams can be called', () => {
    const upstreams = [upstream('u1'), upstream('u2')];
    const callable = (...rows: ReturnType<typeof row>[]) =>
      upstreamsWithKey({
        provider: provider(),
        routing: routingShape.parse({}),
        upstreams,
        ...openKeys(provider(), rows, source),
      }).map(({ id }) => id);
    expect(callable()).toEqual(['u1', 'u2']);
    expect(callable(row('a'))).toEqual(['u1', 'u2']);
    expect(callable(row('a', { upstreamId: 'u2' }))).toEqual(['u2']);
    expect(callable(row('broken'))).toEqual([]);
    expect(callable(row('a', { isEnabled: false }))).toEqual([]);
  });

  it('tell why there is none in the log alone', () => {
    const error = noKeyError({
      provider: provider(),
      routing: routingShape.parse({}),
      upstreams: [],
      ...openKeys(provider(), [row('broken')], source),
    });
    expect(error.message).toBe('The gateway has no API key for the provider "acme".');
    expect(error.details.internal).toBe('broken: no master key');
  });
});
