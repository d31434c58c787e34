/** Retries that a provider may still have; `atMs` is when it was last reckoned. */
export interface RetryBudget {
  readonly retries: number;
  readonly atMs: number;
}

/** What fills the budget. */
export interface BudgetTerms {
  /** Retries per request. */
  readonly budgetRatio: number;
  /** Retries per second. */
  readonly budgetPerSecond: number;
}

/** Unused retries are kept for so long, as in Finagle: https://twitter.github.io/finagle/guide/Glossary.html */
const KEPT_SECONDS = 10;

/** Most retries that requests alone may lay by. */
const MOST_FROM_REQUESTS = 100;

/** The budget after a request has come. */
export function afterRequest(budget: RetryBudget | undefined, terms: BudgetTerms, nowMs: number): RetryBudget {
  const { retries } = refilled(budget, terms, nowMs);
  return { retries: Math.min(mostOf(terms), retries + terms.budgetRatio), atMs: nowMs };
}

/** Takes one retry, or undefined when none is left: a storm of failures is not answered by a storm of retries. */
export function takeRetry(budget: RetryBudget | undefined, terms: BudgetTerms, nowMs: number): RetryBudget | undefined {
  const { retries } = refilled(budget, terms, nowMs);
  return retries < 1 ? undefined : { retries: retries - 1, atMs: nowMs };
}

function refilled(budget: RetryBudget | undefined, terms: BudgetTerms, nowMs: number): RetryBudget {
  if (budget === undefined) return { retries: terms.budgetPerSecond * KEPT_SECONDS, atMs: nowMs };
  const seconds = Math.max(0, nowMs - budget.atMs) / 1000;
  return { retries: Math.min(mostOf(terms), budget.retries + seconds * terms.budgetPerSecond), atMs: nowMs };
}

function mostOf({ budgetRatio, budgetPerSecond }: BudgetTerms): number {
  return budgetPerSecond * KEPT_SECONDS + budgetRatio * MOST_FROM_REQUESTS;
}
