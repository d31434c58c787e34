import { describe, expect, it } from 'vitest';
import { redirectShape } from '../model.ts';
import { endlessRedirect, followRedirects, indexRedirects } from './redirect.ts';
import { matchWildcard } from './wildcard.ts';

const redirect = (model: string, target: string, more: object = {}) =>
  redirectShape.parse({ id: `${model} ${target}`, model, target, ...more });
const followed = (rules: readonly (readonly [string, string])[], name: string) =>
  followRedirects(indexRedirects(rules.map(([model, target]) => redirect(model, target))), name);

describe('redirects', () => {
  it.each([
    ['a pattern that leads into itself is the end', [['*', 'gpt-4']], 'anything', 'gpt-4'],
    [
      'longer patterns first',
      [
        ['gpt-*', 'a'],
        ['gpt-4*', 'b'],
      ],
      'gpt-4o',
      'b',
    ],
    [
      'exact names first',
      [
        ['gpt-*', 'a'],
        ['gpt-4', 'b'],
      ],
      'gpt-4',
      'b',
    ],
    [
      'a circle',
      [
        ['a', 'b'],
        ['b', 'a'],
      ],
      'a',
      undefined,
    ],
    ['growing without end', [['a*', 'aa*']], 'ab', undefined],
  ] as const)('%s', (_, rules, name, expected) => expect(followed(rules, name)).toBe(expected));

  it('go by priority before all else', () => {
    const rules = [redirect('gpt-4', 'exact'), redirect('gpt-*', 'pattern', { priority: 1 })];
    expect(followRedirects(indexRedirects(rules), 'gpt-4')).toBe('pattern');
  });

  it.each([
    [
      [
        ['a', 'b'],
        ['b', 'c'],
      ],
      undefined,
    ],
    [
      [
        ['a', 'b'],
        ['b', 'a'],
      ],
      'a b',
    ],
    [
      [
        ['a-*', 'b-*'],
        ['b-1', 'a-1'],
      ],
      'b-1 a-1',
    ],
    [
      [
        ['a*c', 'b*'],
        ['bd*', 'ad*c'],
      ],
      'bd* ad*c',
    ],
    [[['*', 'gpt-4o']], undefined],
    [[['gpt-*', 'openai/gpt-*']], undefined],
  ] as const)('that never end are found: %j', (rules, expected) => {
    expect(endlessRedirect(rules.map(([model, target]) => redirect(model, target)))?.id).toBe(expected);
  });
});

it.each([
  ['a*', 'a', ['']],
  ['*', '', ['']],
  ['a*b', 'ab', ['']],
  ['a*b', 'a', undefined],
  ['aba*aba', 'ababa', undefined],
  ['*-*', 'a-b-c', ['a', 'b-c']],
  ['a*b*c', 'axbybzc', ['x', 'ybz']],
  ['a*bb*b', 'abb', undefined],
  ['x.y', 'xzy', undefined],
] as const)('%s in %s', (pattern, text, expected) => expect(matchWildcard(pattern, text)).toEqual(expected));
