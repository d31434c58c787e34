import type { RequestHandler } from 'express';

/** Paths of the designs, and what they are here. A parameter that the target has not goes into the query or the body. */
const ALIASES: readonly (readonly [alias: string, target: string])[] = [
  // AI-Gateway 2.0, whose API had no version.
  ['/api/namespaces', '/namespaces'],
  ['/api/policies', '/policies'],
  ['/api/upstreams', '/upstreams'],
  ['/api/locations', '/locations'],
  ['/api/v1/namespaces/:namespaceId/usage', '/usage'],
  // Neuropia.
  ['/api/users/:userId/virtual-keys', '/virtual-keys'],
  ['/api/users', '/users'],
  // Gateway Zero.
  ['/providers', '/providers'],
  ['/models/:providerId', '/models'],
  ['/admin/tokens', '/virtual-keys'],
  ['/admin/model-prices', '/prices'],
  ['/admin/logs/requests', '/request-logs'],
  ['/admin/logs/operations', '/audit'],
  ['/admin/metrics/summary', '/usage'],
];

interface Alias {
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly target: string;
}

const COMPILED: readonly Alias[] = ALIASES.map(([alias, target]) => ({
  pattern: new RegExp(`^${alias.replaceAll(/:\w+/g, '([^/]+)')}(/[^?]*)?$`),
  names: [...alias.matchAll(/:(\w+)/g)].map(([, name = '']) => name),
  target: `/api/v2${target}`,
}));

/**
 * Lets the paths of the designs lead to the resources of `/api/v2`: before any route, so that whoever may call those may
 * call these, and behind the JSON parser. Bodies and answers are those of `/api/v2`.
 */
export const aliases: RequestHandler = (request, _response, next) => {
  const [path = '', search] = request.url.split('?', 2);
  for (const { pattern, names, target } of COMPILED) {
    const [matched, ...found] = pattern.exec(path) ?? [];
    if (matched === undefined) continue;
    const given = Object.fromEntries(names.map((name, index) => [name, decodeURIComponent(found[index] ?? '')]));
    const query = new URLSearchParams(search);
    if (request.method === 'GET') for (const [name, value] of Object.entries(given)) query.set(name, value);
    else if (names.length > 0) request.body = { ...request.body, ...given };
    request.url = `${target}${found[names.length] ?? ''}${query.size === 0 ? '' : `?${query}`}`;
    break;
  }
  next();
};
