import { expect, it } from 'vitest';
import { rulesSigner } from './rules-signature.ts';

const head = { epoch: 'e', revision: 7, sha256: 'ab' };
const signer = rulesSigner('token');

it('knows its own signature, made anywhere with the same token', () => {
  expect(rulesSigner('token').isSigned(head, signer.sign(head))).toBe(true);
  expect(signer.sign(head)).toMatch(/^[0-9a-f]{64}$/);
});

it.each([
  ['another epoch', { ...head, epoch: 'f' }],
  ['another revision', { ...head, revision: 8 }],
  ['another body', { ...head, sha256: 'ac' }],
])('refuses the signature for %s', (_, other) => {
  expect(signer.isSigned(other, signer.sign(head))).toBe(false);
});

it.each(['', 'ab', 'not hex', 'é'.repeat(64), '0'.repeat(64), '0'.repeat(66)])('refuses "%s"', (signature) => {
  expect(signer.isSigned(head, signature)).toBe(false);
});

it('refuses the signature made with another token', () => {
  expect(signer.isSigned(head, rulesSigner('other').sign(head))).toBe(false);
});
