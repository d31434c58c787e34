import { RE2JS } from 're2js';
import { MAX_REGEX_LENGTH } from '../condition.ts';
import type { Location } from '../location.ts';
import { fillWildcard, matchWildcard, wildcardsIn } from './wildcard.ts';

/** A location made ready to run. */
export interface CompiledLocation {
  readonly location: Location;
  /** The path to go on with; undefined when the rule does not concern the path. */
  readonly apply: (path: string) => string | undefined;
}

/** The rule that concerns a request, and its path from here on. */
export interface Located {
  readonly location: Location;
  readonly path: string;
}

/**
 * Makes the enabled locations ready, in the order in which they are tried: by priority, then by id.
 * @throws Error that names the location whose pattern does not compile
 */
export function compileLocations(locations: readonly Location[]): readonly CompiledLocation[] {
  return locations
    .filter(({ isEnabled }) => isEnabled)
    .toSorted((left, right) => left.priority - right.priority || (left.id < right.id ? -1 : 1))
    .map(compileLocation);
}

/** What the first location that matches makes of a path; no other one acts. */
export function locate(locations: readonly CompiledLocation[], path: string): Located | undefined {
  for (const { location, apply } of locations) {
    const rewritten = apply(path);
    if (rewritten !== undefined) return { location, path: rewritten };
  }
  return undefined;
}

/** Faults of a location beyond the shapes of its fields. */
export function locationFaults(location: Location): readonly { readonly path: string; readonly message: string }[] {
  const { isRegex, path, rewriteTo, providerId, upstreamId, onUnsupported, addHeaders } = location;
  const isIdle =
    rewriteTo === undefined &&
    providerId === undefined &&
    upstreamId === undefined &&
    onUnsupported === undefined &&
    Object.keys(addHeaders).length === 0;
  if (isIdle)
    return [
      { path: 'rewriteTo', message: 'The rule does nothing: no rewrite, no target, no header, no onUnsupported.' },
    ];
  if (!isRegex && !isPlain(path))
    return [{ path: 'path', message: 'A path begins with / and has no empty or dot parts.' }];
  if (rewriteTo !== undefined && !isPlain(rewriteTo)) {
    return [{ path: 'rewriteTo', message: 'A path begins with / and has no empty or dot parts, query or fragment.' }];
  }
  return isRegex ? regexFaults(path, rewriteTo) : wildcardFaults(path, rewriteTo);
}

function compileLocation(location: Location): CompiledLocation {
  const { path: pattern, rewriteTo, isRegex } = location;
  const to = (path: string, rewritten: string | undefined) =>
    // What two parts leave between them: `/qwen*` to `/v1/chat/*` is to make `/v1/chat/stream` of `/qwen/stream`.
    rewritten === undefined ? path : rewritten.replaceAll(/\/{2,}/g, '/');

  if (isRegex) return { location, apply: regexApply(location, to) };
  if (wildcardsIn(pattern) > 0) {
    const apply = (path: string) => {
      const captured = matchWildcard(pattern, path);
      return captured && to(path, rewriteTo === undefined ? undefined : fillWildcard(rewriteTo, captured));
    };
    return { location, apply };
  }
  if (!pattern.endsWith('/'))
    return { location, apply: (path) => (path === pattern ? to(path, rewriteTo) : undefined) };
  const keepsRest = rewriteTo?.endsWith('/') ?? false;
  return {
    location,
    apply: (path) => {
      if (!path.startsWith(pattern)) return undefined;
      return to(path, keepsRest ? `${rewriteTo}${path.slice(pattern.length)}` : rewriteTo);
    },
  };
}

function regexApply(
  { id, path: pattern, rewriteTo }: Location,
  to: (path: string, rewritten: string | undefined) => string,
): CompiledLocation['apply'] {
  const regex = compiled(pattern);
  if (regex instanceof Error) throw new Error(`Location ${id}: ${regex.message}`);
  return (path) => {
    const matcher = regex.matcher(path);
    if (!matcher.matches()) return undefined;
    return to(
      path,
      rewriteTo?.replaceAll(/\$(\d)/g, (_, group: string) => matcher.group(Number(group)) ?? ''),
    );
  };
}

function regexFaults(path: string, rewriteTo: string | undefined) {
  if (path.length > MAX_REGEX_LENGTH) {
    return [{ path: 'path', message: `A regular expression has at most ${MAX_REGEX_LENGTH} characters.` }];
  }
  const regex = compiled(path);
  if (regex instanceof Error) return [{ path: 'path', message: regex.message }];
  const groups = regex.groupCount();
  const missing = [...(rewriteTo ?? '').matchAll(/\$(\d)/g)].find(([, group]) => Number(group) > groups);
  return missing === undefined
    ? []
    : [{ path: 'rewriteTo', message: `There is no group ${missing[0]}: the path has ${groups}.` }];
}

function wildcardFaults(path: string, rewriteTo: string | undefined) {
  const [given, wanted] = [wildcardsIn(path), wildcardsIn(rewriteTo ?? '')];
  return wanted <= given ? [] : [{ path: 'rewriteTo', message: `It has ${wanted} *, the path only ${given}.` }];
}

function compiled(pattern: string): RE2JS | Error {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Is it the canonical form of a path, the only one that requests may have? */
function isPlain(path: string): boolean {
  return path.startsWith('/') && !/\/\/|\/\.{1,2}(\/|$)|[\\;#?\s]|[^\x21-\x7e]/.test(path);
}
