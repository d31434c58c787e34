import fc from 'fast-check';
import { RE2JS } from 're2js';
import { expect, it } from 'vitest';
import { isDeadPattern } from './dead-pattern.ts';

it.each([
  ['a^', 'body'],
  ['$a', 'body'],
  ['(x|a)^b', 'body'],
  ['^a$b', 'body'],
  ['a+$.', 'body'],
  ['(?:a|b){2,3}^', 'body'],
  ['^(^a|b$)(c^)', 'body'],
  ['[^\\x00-\\x{10FFFF}]', 'body'],
  ['[^\\s\\S]', 'body'],
  ['a[^\\d\\D]', 'query'],
  ['渠道', 'header'],
  ['gold\\n', 'header'],
  ['^[a-z]+$', 'path'],
  ['^$', 'path'],
  ['v1\\?key=', 'path'],
  ['v1 chat', 'path'],
  ['^v1', 'path'],
] as const)('%s matches no text of a %s', (pattern, source) => {
  expect(isDeadPattern(pattern, source)).toBe(true);
});

it.each([
  ['^a', 'body'],
  ['a$', 'body'],
  ['^$', 'header'],
  ['(a^)?b', 'body'],
  ['a*^b', 'body'],
  ['a$|b', 'body'],
  ['(?m)a^', 'body'],
  ['(?m)a$\\n^b', 'body'],
  ['\\Bx\\b', 'body'],
  ['渠道', 'body'],
  ['é', 'header'],
  ['(?i)K', 'header'],
  ['(?i)ſ', 'header'],
  ['(?i)K', 'path'],
  ['[^a]', 'path'],
  ['\\pL', 'header'],
  ['^.v1', 'path'],
  ['^/v1/', 'path'],
  ['^[^a-z]', 'path'],
  ['%20', 'path'],
  ['(?s)^.$', 'path'],
  ['', 'path'],
] as const)('%s may match a text of a %s', (pattern, source) => {
  expect(isDeadPattern(pattern, source)).toBe(false);
});

it('never calls a pattern dead that matches something', () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    '^',
    '$',
    '.',
    '[^a]',
    '(?i:A)',
    '\\b',
    'é',
    '/',
    '\\n',
    '(?m:^)',
    '(?m:$)',
    '行',
  );
  const pattern = fc.oneof(
    { depthSize: 'small' },
    fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join('')),
    fc
      .tuple(
        fc.array(piece, { maxLength: 3 }),
        fc.constantFrom('*', '+', '?', '{2}', '{0}'),
        fc.array(piece, { maxLength: 3 }),
      )
      .map(([group, times, rest]) => `(${group.join('')})${times}${rest.join('')}`),
    fc
      .tuple(fc.array(piece, { maxLength: 3 }), fc.array(piece, { maxLength: 3 }))
      .map(([left, right]) => `(?:${left.join('')}|${right.join('')})a`),
  );
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'A', 'é', '/', '\n', '行'), maxLength: 5 });
  fc.assert(
    fc.property(pattern, text, (given, value) => {
      const matches = RE2JS.compile(given).matcher(value).find();
      return !(matches && isDeadPattern(given, 'body'));
    }),
    { numRuns: 3000 },
  );
});
