import { compileCondition, type LintFinding, type Matcher } from '@ai-gateway/contracts';
import type { SnapshotContent } from '../build-snapshot.ts';
import { DEAD_PATTERN, isDead } from './dead-conditions.ts';

/** The order in which gateways try matchers of one priority. */
const SOURCES = ['header', 'body', 'query', 'path'];

/** Texts so different that what matches all of them is taken to match every value. */
const PROBES = ['', '0', '-1.5', 'zq', 'ZQ~ 9', '/v1/chat/completions', '行'];

/** A matcher that is tried before others. */
interface Earlier {
  readonly matcher: Matcher;
  readonly rank: number;
}

/** First matchers of one field, by what they take. */
interface FieldIndex {
  everything?: Earlier;
  readonly values: Map<string, Earlier>;
  readonly prefixes: Map<string, Earlier>;
  readonly prefixLengths: Set<number>;
}

/**
 * Matchers that can never decide: they match nothing, or all that they match goes to another namespace before.
 * Each matcher is looked up among those before it by value, prefix and field, so the time is linear in matchers.
 */
export function lintMatchers({ matchers, namespaces }: SnapshotContent): LintFinding[] {
  const codes = new Map(namespaces.map(({ id, code }) => [id, code]));
  const findings: LintFinding[] = [];
  const fields = new Map<string, FieldIndex>();
  let every: Earlier | undefined;
  const ordered = matchers.filter(({ isEnabled }) => isEnabled).sort(compareMatchers);
  for (const [rank, matcher] of ordered.entries()) {
    const finding = (rule: string, path: string, message: string): LintFinding => {
      const name = `${codes.get(matcher.namespaceId) ?? matcher.namespaceId}: ${described(matcher)}`;
      const { id, namespaceId } = matcher;
      return { severity: 'warning', rule, kind: 'matchers', id, name, namespaceId, path, message };
    };
    const dead = neverMatches(matcher);
    if (dead !== undefined) {
      findings.push(finding(dead[0], 'value', dead[1]));
      continue;
    }
    const key = `${matcher.source} ${matcher.source === 'header' ? matcher.field.toLowerCase() : fieldOf(matcher)}`;
    const index = fields.get(key) ?? { values: new Map(), prefixes: new Map(), prefixLengths: new Set() };
    fields.set(key, index);
    const before = every ?? shadowOf(matcher, index);
    if (before !== undefined && before.matcher.namespaceId !== matcher.namespaceId) {
      const owner = codes.get(before.matcher.namespaceId) ?? before.matcher.namespaceId;
      const message = `All that it matches goes to namespace "${owner}" before: ${described(before.matcher)}, priority ${before.matcher.priority}.`;
      findings.push(finding('matcher-shadowed', '', message));
    }
    remember(index, { matcher, rank });
    if (matcher.source === 'path' && matchesEverything(matcher)) every ??= { matcher, rank };
  }
  return findings;
}

function compareMatchers(left: Matcher, right: Matcher): number {
  return (
    left.priority - right.priority ||
    SOURCES.indexOf(left.source) - SOURCES.indexOf(right.source) ||
    Number(left.id > right.id) - Number(left.id < right.id)
  );
}

const fieldOf = ({ source, field }: Matcher) => (source === 'path' ? '' : field);

function described({ source, field, operator, value }: Matcher): string {
  return `${source} ${source === 'path' ? '' : `${field} `}${operator} "${value}"`;
}

/** The earliest matcher that takes all that this one would match. */
function shadowOf(matcher: Matcher, index: FieldIndex): Earlier | undefined {
  if (index.everything !== undefined) return index.everything;
  const values = valuesOf(matcher);
  if (values !== undefined) {
    const takers = values.map((value) => index.values.get(value) ?? prefixTaking(value, index));
    return takers.every((taker) => taker !== undefined && taker.matcher.namespaceId === takers[0]?.matcher.namespaceId)
      ? takers[0]
      : undefined;
  }
  return matcher.operator === 'starts_with' ? prefixTaking(matcher.value, index) : undefined;
}

function prefixTaking(value: string, { prefixes, prefixLengths }: FieldIndex): Earlier | undefined {
  for (const length of prefixLengths) {
    const found = length <= value.length ? prefixes.get(value.slice(0, length)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function remember(index: FieldIndex, earlier: Earlier): void {
  const { matcher } = earlier;
  if (matchesEverything(matcher)) index.everything ??= earlier;
  for (const value of valuesOf(matcher) ?? []) if (!index.values.has(value)) index.values.set(value, earlier);
  if (matcher.operator !== 'starts_with' || index.prefixes.has(matcher.value)) return;
  index.prefixes.set(matcher.value, earlier);
  index.prefixLengths.add(matcher.value.length);
}

/** The values that the condition names one by one. */
function valuesOf({ operator, value }: Matcher): readonly string[] | undefined {
  if (operator === 'equals') return [value];
  return operator === 'in' ? value.split(',').map((item) => item.trim()) : undefined;
}

function matchesEverything(matcher: Matcher): boolean {
  const { source, operator, value } = matcher;
  if (source === 'path' && operator === 'starts_with' && value === '/') return true;
  if (!['contains', 'starts_with', 'ends_with', 'regex'].includes(operator)) return false;
  const matches = compileCondition({ source: 'header', field: 'x', operator, value });
  const isTaken = (text: string) =>
    matches({ headers: { x: text }, query: new URLSearchParams(), path: '/', body: undefined });
  return (source === 'path' ? PROBES.map((text) => `/${text}`) : PROBES).every(isTaken);
}

/** Rule and message where it is plain that no request can match. */
function neverMatches(matcher: Matcher): readonly [string, string] | undefined {
  if (isDead(matcher)) return DEAD_PATTERN;
  const message = unmatched(matcher);
  return message === undefined ? undefined : ['matcher-never-matches', message];
}

function unmatched({ source, operator, value }: Matcher): string | undefined {
  if (operator === 'not_contains' && value === '') return 'Every text contains the empty one.';
  if (source !== 'path') return undefined;
  if (operator === 'equals' || operator === 'starts_with') {
    if (value !== '' && !value.startsWith('/')) return 'Every path begins with "/".';
    if (value.includes('?')) return 'A path has no query; match a query parameter instead.';
  }
  return undefined;
}
