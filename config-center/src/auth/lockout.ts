const MAX_FAILURES = 10;
const WINDOW_MS = 15 * 60_000;
const MAX_ADDRESSES = 10_000;

/** Stops guessing: ten failed logins from an address lock it out for the rest of fifteen minutes. */
export interface Lockout {
  isLocked(address: string): boolean;
  failed(address: string): void;
}

export function lockout(nowMs: () => number): Lockout {
  const failures = new Map<string, { count: number; sinceMs: number }>();
  return {
    isLocked(address) {
      const known = failures.get(address);
      return known !== undefined && known.count >= MAX_FAILURES && nowMs() - known.sinceMs < WINDOW_MS;
    },
    failed(address) {
      const known = failures.get(address);
      const isRecent = known !== undefined && nowMs() - known.sinceMs < WINDOW_MS;
      failures.delete(address);
      failures.set(address, isRecent ? { ...known, count: known.count + 1 } : { count: 1, sinceMs: nowMs() });
      const [oldest] = failures.keys();
      if (failures.size > MAX_ADDRESSES && oldest !== undefined) failures.delete(oldest);
    },
  };
}
