const MAX_FAILURES = 10;
const WINDOW_MS = 15 * 60_000;
const MAX_KNOWN = 10_000;

/** Stops guessing: ten failed logins from an address, or of an account, lock it out for the rest of fifteen minutes. */
export interface Lockout {
  isLocked(who: string): boolean;
  failed(who: string): void;
  /** Forgets failures: a login has succeeded. */
  succeeded(who: string): void;
}

export function lockout(nowMs: () => number): Lockout {
  const failures = new Map<string, { count: number; sinceMs: number }>();
  return {
    isLocked(who) {
      const known = failures.get(who);
      return known !== undefined && known.count >= MAX_FAILURES && nowMs() - known.sinceMs < WINDOW_MS;
    },
    failed(who) {
      const known = failures.get(who);
      const isRecent = known !== undefined && nowMs() - known.sinceMs < WINDOW_MS;
      failures.delete(who);
      failures.set(who, isRecent ? { ...known, count: known.count + 1 } : { count: 1, sinceMs: nowMs() });
      const [oldest] = failures.keys();
      if (failures.size > MAX_KNOWN && oldest !== undefined) failures.delete(oldest);
    },
    succeeded: (who) => void failures.delete(who),
  };
}
