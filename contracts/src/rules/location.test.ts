import { describe, expect, it } from 'vitest';
import { locationShape } from '../location.ts';
import { compileLocations, locate, locationFaults } from './location.ts';

const location = (path: string, rewriteTo?: string, more: object = {}) =>
  locationShape.parse({ id: path, path, ...(rewriteTo !== undefined && { rewriteTo }), ...more });
const rewritten = (rules: Parameters<typeof compileLocations>[0], path: string) =>
  locate(compileLocations(rules), path)?.path;

describe('where a path leads', () => {
  const toPrefix = location('/qwen/', '/v1/chat/completions/');
  const toRegex = location('/(team|org)-([0-9]+)/chat', '/v1/$1/$2', { isRegex: true });
  it.each([
    // The designs' own examples.
    ['exact', location('/qwen', '/v1/chat/completions'), '/qwen', '/v1/chat/completions'],
    ['an exact path is no prefix', location('/qwen', '/v1/chat/completions'), '/qwen/stream', undefined],
    ['prefix with the rest', toPrefix, '/qwen/stream', '/v1/chat/completions/stream'],
    ['wildcard', location('/qwen*', '/v1/chat/*'), '/qwen/stream', '/v1/chat/stream'],
    ['prefix', location('/qwen/', '/v1/chat/completions'), '/qwen/any/thing', '/v1/chat/completions'],
    ['a prefix needs its slash', toPrefix, '/qwen', undefined],
    ['wildcard in the middle', location('/t/*/chat', '/v1/*/chat'), '/t/a/b/chat', '/v1/a/b/chat'],
    ['a wildcard is for the whole path', location('/t/*/chat', '/v1'), '/t/a/chat/more', undefined],
    ['wildcard without its part', location('/old/*', '/v1/chat/completions'), '/old/x', '/v1/chat/completions'],
    ['two wildcards', location('/*/m/*', '/v1/*/*'), '/a/m/b', '/v1/a/b'],
    ['a dot is a dot', location('/v1.0/*', '/v1/*'), '/v1x0/a', undefined],
    ['no rewrite', location('/v1/files/', undefined, { providerId: 'p' }), '/v1/files/7', '/v1/files/7'],
    ['regex', toRegex, '/org-12/chat', '/v1/org/12'],
    ['a regex is for the whole path', toRegex, '/x/org-12/chat', undefined],
    ['case counts', location('/Qwen', '/v1'), '/qwen', undefined],
  ])('%s', (_, rule, path, expected) => expect(rewritten([rule], path)).toBe(expected));

  it('is said by the first rule that matches, by priority and id, and by no other', () => {
    const rules = [
      location('/qwen*', '/later', { priority: 20 }),
      location('/qwen', '/first', { priority: 10, id: 'b' }),
      location('/*', '/off', { priority: 1, isEnabled: false }),
      location('/first', '/second', { priority: 1 }),
      location('/qw*', '/same', { priority: 10, id: 'c' }),
    ];
    expect(rewritten(rules, '/qwen')).toBe('/first');
    expect(rewritten(rules, '/qwen/x')).toBe('/same');
    expect(rewritten(rules, '/other')).toBeUndefined();
  });
});

describe('a location is refused', () => {
  it.each([
    ['that does nothing', location('/x'), 'rewriteTo'],
    ['without a leading slash', location('x', '/v1'), 'path'],
    ['with dot segments', location('/a', '/v1/../b'), 'rewriteTo'],
    ['with a query', location('/a', '/v1?x=1'), 'rewriteTo'],
    ['that repeats what was not matched', location('/a', '/v1/*'), 'rewriteTo'],
    ['whose pattern does not compile', location('/(', '/v1', { isRegex: true }), 'path'],
    ['that looks back, which RE2 does not', location('/(?<=a)b', '/v1', { isRegex: true }), 'path'],
    ['with a group that there is not', location('/(a)', '/v1/$2', { isRegex: true }), 'rewriteTo'],
  ])('%s', (_, rule, path) => expect(locationFaults(rule)[0]?.path).toBe(path));

  it.each(['authorization', 'x-api-key', 'x-goog-api-key', 'host', 'x-request-id', 'X-Team', 'cookie', 'x-auth-user'])(
    'that sets the header %s',
    (name) => expect(locationShape.safeParse({ id: 'l', path: '/', addHeaders: { [name]: 'v' } }).success).toBe(false),
  );
  it('that breaks a header in two', () => {
    const addHeaders = { 'x-team': 'a\r\nhost: b' };
    expect(locationShape.safeParse({ id: 'l', path: '/', addHeaders }).success).toBe(false);
  });
});
