import { z } from 'zod';

/**
 * An amount of money as a decimal string, in the currency of the installation: at most nine digits on either side of
 * the point, so that it is a whole number of nano-units and a sum of many stays exact.
 */
export const money = z.string().regex(/^\d{1,9}(\.\d{1,9})?$/, 'an amount such as "12.50", at most 9 decimals');

/** The same, or less than nothing. Rules about the amount are not asked when it is none. */
export const signedMoney = z
  .string()
  .regex(/^-?\d{1,9}(\.\d{1,9})?$/, { error: 'an amount such as "-12.50", at most 9 decimals', abort: true });

const NANOS_PER_MICRO = 1_000n;

/** Nano-units (1e-9) of a decimal string that `signedMoney` accepts. */
export function nanosOf(amount: string): bigint {
  if (amount.startsWith('-')) return -nanosOf(amount.slice(1));
  const [whole = '0', fraction = ''] = amount.split('.');
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** A decimal string of nano-units, without trailing zeros. */
export function amountOf(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : '';
  const digits = (nanos < 0n ? -nanos : nanos).toString().padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${sign}${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Micro-units (1e-6) of nano-units, rounded up: the unit of counters, exact as a number. */
export function microsOf(nanos: bigint): number {
  return Number((nanos + NANOS_PER_MICRO - 1n) / NANOS_PER_MICRO);
}
