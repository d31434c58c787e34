import { z } from 'zod';
import { money, nanosOf, signedMoney } from './money.ts';

/** Where a balance stands against its limits: `low` at or below the soft one, `exhausted` at or below the hard one. */
export const accountStanding = z.enum(['good', 'low', 'exhausted']);

/** Wallet of exactly one payer: a tenant, or a user without one. Its balance is the sum of its ledger entries. */
export const accountShape = z.object({
  id: z.string(),
  tenantId: z.string().optional(),
  userId: z.string().optional(),
  /** ISO 4217. Prices have none of their own, so all accounts of an installation have the same. */
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'a currency such as "USD"')
    .default('USD'),
  /** Balance at or below which the payer is warned; unless set, what layered limits say, else none. */
  softLimit: signedMoney.optional(),
  /** Balance at or below which the payer is refused; unless set, what layered limits say, else 0. Below 0 it is credit. */
  hardLimit: signedMoney.optional(),
  /** `frozen`: the payer is refused whatever the balance. */
  status: z.enum(['active', 'frozen']).default('active'),
  /** Follows the balance; published when it changes. */
  standing: accountStanding,
});

/** What is booked by hand, and `usage`: what a request was charged. */
export const ledgerEntryKind = z.enum(['top_up', 'refund', 'adjustment', 'usage']);

/**
 * To which account a request is charged and at which price, per million tokens, as the rules said when it was sent: a
 * later change of prices or payers changes nothing of it.
 */
export const chargeTerms = z.object({
  accountId: z.string().max(40),
  /** Id of the rate, or of the cost price where there is no rate. */
  priceId: z.string().max(40),
  inputPerMillion: money,
  outputPerMillion: money,
});

/** An amount of the ledger: more digits than people may write, since sums grow. */
const amount = z.string();

/** One movement of an account. Never changed, never deleted. */
export const ledgerEntryRow = z.object({
  /** Ascending in the order of booking. */
  id: z.number().int(),
  accountId: z.string(),
  kind: ledgerEntryKind,
  /** What is added to the balance: below zero for usage. */
  amount,
  /** Balance with this entry. */
  balance: amount,
  at: z.iso.datetime(),
  /** Name of an administrator, `automation` for the token; `billing` for usage. */
  actor: z.string(),
  note: z.string().optional(),
  idempotencyKey: z.string().optional(),
  /** The request that was charged. */
  usage: z
    .object({
      recordId: z.string(),
      requestId: z.string(),
      virtualKeyId: z.string().optional(),
      provider: z.string().optional(),
      model: z.string(),
      inputTokens: z.number().int(),
      outputTokens: z.number().int(),
      ...chargeTerms.omit({ accountId: true }).shape,
    })
    .optional(),
});

/** An entry that is booked by hand. The same key again answers the entry that is there; nothing is booked twice. */
export const ledgerEntryDraft = z
  .object({
    kind: ledgerEntryKind.exclude(['usage']),
    /** Above zero; an adjustment may also be below. */
    amount: signedMoney,
    note: z.string().max(500).optional(),
    idempotencyKey: z.string().min(1).max(100),
  })
  .strict()
  .refine(({ kind, amount: text }) => isBookable(kind, nanosOf(text)), {
    path: ['amount'],
    message: 'A top-up or refund is above 0, an adjustment is not 0.',
  });

function isBookable(kind: 'top_up' | 'refund' | 'adjustment', nanos: bigint): boolean {
  return kind === 'adjustment' ? nanos !== 0n : nanos > 0n;
}

export type Account = z.infer<typeof accountShape>;
export type AccountStanding = z.infer<typeof accountStanding>;
export type ChargeTerms = z.infer<typeof chargeTerms>;
export type LedgerEntry = z.infer<typeof ledgerEntryRow>;
export type LedgerEntryDraft = z.infer<typeof ledgerEntryDraft>;
