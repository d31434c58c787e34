import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** SHA-256 in hex: how random secrets are kept. */
export function hashOf(secret: string | Buffer): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** 256 random bits as text for cookies and headers. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** Random letters and digits, each as likely as any other. */
export function randomText(length: number): string {
  return Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('');
}

/** Equal in constant time, whatever the lengths. */
export function isSameSecret(left: string, right: string): boolean {
  return timingSafeEqual(Buffer.from(hashOf(left)), Buffer.from(hashOf(right)));
}
