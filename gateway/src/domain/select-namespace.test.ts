import { matcherShape, namespaceShape, type RequestView, snapshotShape } from '@ai-gateway/contracts';
import { describe, expect, it } from 'vitest';
import { compileSnapshot } from './compile-snapshot.ts';
import { selectMatcher } from './select-namespace.ts';

const VIEW: RequestView = {
  headers: { 'x-channel-code': 'wechat', 'x-tier': '7' },
  query: new URLSearchParams('app=shop'),
  path: '/v1/chat/completions',
  body: { model: 'Qwen3-8B', metadata: { tier: 'gold', level: 3 } },
};

function select(matchers: object[], view = VIEW): string | undefined {
  const config = compileSnapshot(
    snapshotShape.parse({
      epoch: 'e',
      revision: 1,
      createdAt: '2026-01-01T00:00:00Z',
      namespaces: ['a', 'b', 'c'].map((id) => namespaceShape.parse({ id, code: id, name: id })),
      matchers: matchers.map((matcher, index) => matcherShape.parse({ id: `m${index}`, ...matcher })),
      policies: [],
      providers: [],
      upstreams: [],
      virtualKeys: [],
    }),
  );
  return selectMatcher(config, view)?.namespaceId;
}

const header = { source: 'header', field: 'X-Channel-Code', operator: 'equals', value: 'wechat' };
const body = { source: 'body', field: 'metadata.tier', operator: 'equals', value: 'gold' };
const query = { source: 'query', field: 'app', operator: 'equals', value: 'shop' };
const path = { source: 'path', operator: 'starts_with', value: '/v1/' };

describe('each source', () => {
  it.each([
    ['header, whatever the case of its name', header],
    ['nested body field', body],
    ['number in the body', { source: 'body', field: 'metadata.level', operator: 'greater_than_or_equal', value: '3' }],
    ['query parameter', query],
    ['path', path],
  ])('%s', (_name, matcher) => {
    expect(select([{ namespaceId: 'a', ...matcher }])).toBe('a');
  });
});

describe('the order is total', () => {
  it('smaller priority first, even against the order of sources', () => {
    expect(
      select([
        { namespaceId: 'a', priority: 20, ...header },
        { namespaceId: 'b', priority: 10, ...path },
      ]),
    ).toBe('b');
    expect(
      select([
        { namespaceId: 'a', priority: 20, ...path },
        { namespaceId: 'b', priority: 30, ...header },
      ]),
    ).toBe('a');
  });

  it('then header, body, query, path', () => {
    const all = [path, query, body, header].map((matcher, index) => ({
      ...matcher,
      namespaceId: index === 3 ? 'a' : 'b',
    }));
    expect(select(all)).toBe('a');
    expect(
      select([
        { ...path, namespaceId: 'a' },
        { ...query, namespaceId: 'b' },
      ]),
    ).toBe('b');
  });

  it('then the id, also between equal conditions', () => {
    expect(
      select([
        { ...header, namespaceId: 'b', id: 'z' },
        { ...header, namespaceId: 'a', id: 'y' },
      ]),
    ).toBe('a');
  });
});

it('honours the operator', () => {
  expect(select([{ ...header, namespaceId: 'a', operator: 'not_equals' }])).toBeUndefined();
  expect(select([{ ...header, namespaceId: 'a', operator: 'regex', value: '^we(chat|com)$' }])).toBe('a');
});

it('skips disabled matchers and matchers of unknown namespaces', () => {
  expect(select([{ ...header, namespaceId: 'a', isEnabled: false }])).toBeUndefined();
  expect(select([{ ...header, namespaceId: 'gone' }])).toBeUndefined();
});

it('does not take underscores for dashes', () => {
  expect(select([{ ...header, namespaceId: 'a' }], { ...VIEW, headers: { x_channel_code: 'wechat' } })).toBeUndefined();
});
