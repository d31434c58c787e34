import type { Redirect } from '../model.ts';
import { fillWildcard, matchWildcard, wildcardsIn } from './wildcard.ts';

/** Most redirects that one name goes through. */
export const MAX_REDIRECTS = 8;

interface Step {
  readonly rank: number;
  readonly model: string;
  readonly target: string;
}

/** Redirects of one namespace, made ready to follow. */
export interface Redirects {
  readonly exact: ReadonlyMap<string, Step>;
  /** In order of rank. */
  readonly wild: readonly Step[];
}

/**
 * Indexes the enabled redirects that hold in one namespace. The smallest priority goes first; then those of the
 * namespace before those of all, exact names before patterns, longer patterns before shorter ones.
 */
export function indexRedirects(redirects: readonly Redirect[]): Redirects {
  const steps = redirects
    .filter(({ isEnabled }) => isEnabled)
    .toSorted(byRank)
    .map(({ model, target }, rank) => ({ rank, model, target }));
  const exact = new Map<string, Step>();
  for (const step of steps) if (wildcardsIn(step.model) === 0 && !exact.has(step.model)) exact.set(step.model, step);
  return { exact, wild: steps.filter(({ model }) => wildcardsIn(model) > 0) };
}

/**
 * The name that a requested one leads to, through several redirects if need be. A redirect to the same name is the end.
 * Undefined when they go in a circle or never end.
 */
export function followRedirects(redirects: Redirects, requested: string): string | undefined {
  let name = requested;
  for (let count = 0; count <= MAX_REDIRECTS; count++) {
    const next = nextName(redirects, name);
    if (next === undefined || next === name) return name;
    name = next;
  }
  return undefined;
}

/** The first redirect, as it is written, from which a name would not come to an end; undefined when there is none. */
export function endlessRedirect(redirects: readonly Redirect[]): Redirect | undefined {
  const index = indexRedirects(redirects);
  return redirects.find(
    ({ isEnabled, model }) => isEnabled && followRedirects(index, model.replaceAll('*', 'x')) === undefined,
  );
}

function nextName({ exact, wild }: Redirects, name: string): string | undefined {
  const named = exact.get(name);
  for (const { rank, model, target } of wild) {
    if (named !== undefined && named.rank < rank) break;
    const captured = matchWildcard(model, name);
    if (captured !== undefined) return fillWildcard(target, captured);
  }
  return named?.target;
}

function byRank(left: Redirect, right: Redirect): number {
  const rank = ({ namespaceId, model, id }: Redirect) =>
    [namespaceId === undefined ? 1 : 0, wildcardsIn(model) === 0 ? 0 : 1, -model.length, id] as const;
  const [leftCommon, leftWild, leftLength, leftId] = rank(left);
  const [rightCommon, rightWild, rightLength, rightId] = rank(right);
  return (
    left.priority - right.priority ||
    leftCommon - rightCommon ||
    leftWild - rightWild ||
    leftLength - rightLength ||
    (leftId < rightId ? -1 : 1)
  );
}
