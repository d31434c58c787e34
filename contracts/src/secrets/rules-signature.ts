import { createHmac, createSecretKey, hkdfSync, timingSafeEqual } from 'node:crypto';

/** What a signature of rules vouches for; `sha256` is that of their body, in hex. */
export interface SignedHead {
  readonly epoch: string;
  readonly revision: number;
  readonly sha256: string;
}

/** Signs rules, so that whoever can write to Redis or to a gateway's disk cannot make rules. */
export interface RulesSigner {
  /** HMAC-SHA-256 in hex. */
  sign(head: SignedHead): string;
  /** In constant time. */
  isSigned(head: SignedHead, signature: string): boolean;
}

/** The key is derived from `GATEWAY_TOKEN` (HKDF, RFC 5869), so that a signature tells nothing about the token. */
export function rulesSigner(gatewayToken: string): RulesSigner {
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', gatewayToken, '', 'ai-gateway rules signature', 32)));
  const macOf = ({ epoch, revision, sha256 }: SignedHead) =>
    createHmac('sha256', key).update(JSON.stringify([epoch, revision, sha256]));
  return {
    sign: (head) => macOf(head).digest('hex'),
    isSigned(head, signature) {
      const given = Buffer.from(signature, 'hex');
      const wanted = macOf(head).digest();
      return given.length === wanted.length && timingSafeEqual(given, wanted);
    },
  };
}
