import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sealedSecret } from '../provider-key.ts';
import { openSecret, rewrapSecret, SecretUnreadable, sealSecret } from './envelope.ts';
import { secretsKeysSetting } from './master-keys.ts';

const keyText = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const [old, fresh] = [keyText('old'), keyText('new')];
const both = secretsKeysSetting.parse(`${fresh}, ${old}`);
const onlyOld = secretsKeysSetting.parse(old);
const onlyFresh = secretsKeysSetting.parse(fresh);
const owner = { purpose: 'provider-key', rowId: 'pk_1' } as const;
const secret = 'sk-0123456789';
const sealed = sealSecret(secret, owner, onlyOld, randomBytes);

describe('a sealed secret', () => {
  it('opens with its master key, and has the shape of the contract', () => {
    expect(openSecret(sealed, owner, onlyOld)).toBe(secret);
    expect(sealedSecret.parse(sealed)).toEqual(sealed);
    expect(JSON.stringify(sealed)).not.toContain(Buffer.from(secret).toString('base64').slice(0, 12));
  });

  it('is another one each time', () => {
    const again = sealSecret(secret, owner, onlyOld, randomBytes);
    expect(again.ciphertext).not.toBe(sealed.ciphertext);
    expect(again.dataKey).not.toBe(sealed.dataKey);
  });

  it('comes under another master key without being encrypted anew', () => {
    const rewrapped = rewrapSecret(sealed, owner, both, randomBytes);
    expect(rewrapped).toMatchObject({ masterKeyId: 'new', ciphertext: sealed.ciphertext });
    expect(openSecret(rewrapped, owner, onlyFresh)).toBe(secret);
  });

  it('does not open in another row', () => {
    expect(() => openSecret(sealed, { ...owner, rowId: 'pk_2' }, onlyOld)).toThrow(SecretUnreadable);
  });

  it.each(['dataKey', 'ciphertext'] as const)('does not open when one bit of its %s differs', (field) => {
    const bytes = Buffer.from(sealed[field], 'base64');
    for (const index of bytes.keys()) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      const other = { ...sealed, [field]: changed.toString('base64') };
      expect(() => openSecret(other, owner, onlyOld)).toThrow(SecretUnreadable);
    }
  });

  it.each(['', 'AAAA', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'])(
    'does not open when it is cut off: "%s"',
    (ciphertext) => {
      expect(() => openSecret({ ...sealed, ciphertext }, owner, onlyOld)).toThrow(SecretUnreadable);
    },
  );

  it('says which master key it needs', () => {
    expect(() => openSecret(sealed, owner, onlyFresh)).toThrow('the master key "old" is not among SECRETS_KEYS');
    const impostor = secretsKeysSetting.parse(keyText('old'));
    expect(() => openSecret(sealed, owner, impostor)).toThrow('it does not open with the master key "old"');
  });

  it('cannot be made without a master key', () => {
    expect(() => sealSecret(secret, owner, secretsKeysSetting.parse(''), randomBytes)).toThrow('SECRETS_KEYS');
  });
});

describe('SECRETS_KEYS', () => {
  it('takes the first as the current one, and shows none of them', () => {
    expect(both.currentId).toBe('new');
    expect([...both.byId.keys()]).toEqual(['new', 'old']);
    const shown = JSON.stringify([...both.byId.values()]);
    for (const text of [old, fresh]) expect(shown).not.toContain(text.split(':')[1]?.slice(0, 8));
  });

  it.each([
    ['no id', randomBytes(32).toString('base64'), 'entry 1: an id, a colon and base64 are expected'],
    ['a short key', `k:${randomBytes(16).toString('base64')}`, 'entry 1: base64 of 32 bytes is expected'],
    ['no base64', 'k:CHANGE_ME', 'entry 1: base64 of 32 bytes is expected'],
    ['an id twice', `${old},${old}`, 'entry 2: its id is there twice'],
  ])('refuses %s without repeating it', (_, text, message) => {
    const { error } = secretsKeysSetting.safeParse(text);
    expect(error?.issues[0]?.message).toContain(message);
    expect(JSON.stringify(error)).not.toContain(text.slice(-20));
  });
});
