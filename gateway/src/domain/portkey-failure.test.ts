import { describe, expect, it } from 'vitest';
import { portkeyFailure } from './portkey-failure.ts';
import type { AttemptFailure } from './retry.ts';

const failed = (status: number, routerMessage?: string): AttemptFailure => ({
  kind: 'status',
  status,
  message: 'no',
  retryAfterMs: undefined,
  ...(routerMessage !== undefined && { routerMessage }),
});

describe('a failure of a Portkey gateway', () => {
  it.each([
    ['a config that it refuses', failed(400, 'Invalid config passed'), 502, 'Portkey: Invalid config passed'],
    ['our key, which it refuses', failed(401, 'Invalid API key'), 401, 'Portkey: Invalid API key'],
    ['a fault of its own', failed(500, 'Something went wrong'), 502, 'Portkey: Something went wrong'],
    ['the key of a target', failed(401), 502, 'a target of Portkey answered 401'],
    ['a guardrail', failed(446), 400, undefined],
    ['a request that a target refuses', failed(422), 422, undefined],
    ['a target that limits us', failed(429), 429, undefined],
  ])('for %s', (_, failure, status, internal) => {
    expect(portkeyFailure(failure)).toEqual({ ...failure, status, ...(internal !== undefined && { internal }) });
  });

  it('without an answer is one like any other', () => {
    const failure: AttemptFailure = { kind: 'timeout', internal: 'total time' };
    expect(portkeyFailure(failure)).toBe(failure);
  });
});
