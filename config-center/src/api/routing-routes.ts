import { ADMIN_API, compileLocations, type Location, locate, locationFaults } from '@ai-gateway/contracts';
import type { Express } from 'express';
import { newId } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import { handle } from './handle.ts';
import { fallbacks, locations, models, redirects } from './kinds.ts';
import { listed, operations, type ResourceOptions } from './resources.ts';

/** Models, redirects, fallbacks and locations. */
export function routingRoutes(app: Express, options: ResourceOptions): void {
  const { store, authorize } = options;

  const ofModels = operations(models, options);
  handle(app, ADMIN_API.models.list, authorize, ({ query, response }) => listed(store, 'model', query, response));
  handle(app, ADMIN_API.models.create, authorize, ofModels.create);
  handle(app, ADMIN_API.models.read, authorize, ofModels.read);
  handle(app, ADMIN_API.models.update, authorize, ofModels.update);
  handle(app, ADMIN_API.models.remove, authorize, ofModels.remove);

  const ofRedirects = operations(redirects, options);
  handle(app, ADMIN_API.redirects.list, authorize, ({ query, response }) => listed(store, 'redirect', query, response));
  handle(app, ADMIN_API.redirects.create, authorize, ofRedirects.create);
  handle(app, ADMIN_API.redirects.read, authorize, ofRedirects.read);
  handle(app, ADMIN_API.redirects.update, authorize, ofRedirects.update);
  handle(app, ADMIN_API.redirects.remove, authorize, ofRedirects.remove);

  const ofFallbacks = operations(fallbacks, options);
  handle(app, ADMIN_API.fallbacks.list, authorize, ({ query, response }) => listed(store, 'fallback', query, response));
  handle(app, ADMIN_API.fallbacks.create, authorize, ofFallbacks.create);
  handle(app, ADMIN_API.fallbacks.read, authorize, ofFallbacks.read);
  handle(app, ADMIN_API.fallbacks.update, authorize, ofFallbacks.update);
  handle(app, ADMIN_API.fallbacks.remove, authorize, ofFallbacks.remove);

  const ofLocations = operations(locations, options);
  handle(app, ADMIN_API.locations.test, authorize, async ({ body }) =>
    testLocation(await store.all('location'), body.path, body.draft),
  );
  handle(app, ADMIN_API.locations.list, authorize, ({ query, response }) => listed(store, 'location', query, response));
  handle(app, ADMIN_API.locations.create, authorize, ofLocations.create);
  handle(app, ADMIN_API.locations.read, authorize, ofLocations.read);
  handle(app, ADMIN_API.locations.update, authorize, ofLocations.update);
  handle(app, ADMIN_API.locations.remove, authorize, ofLocations.remove);
}

/**
 * What gateways make of a path, with a draft beside the rows, or in place of the one whose id it has.
 * @throws Refusal 400 when the draft is not valid
 */
function testLocation(
  rows: readonly Location[],
  path: string,
  draft?: Omit<Location, 'id'> & { id?: string | undefined },
) {
  const drafted = draft && { ...draft, id: draft.id ?? newId(locations.prefix) };
  const faults = drafted === undefined ? [] : locationFaults(drafted);
  if (faults.length > 0) {
    const inDraft = faults.map((fault) => ({ ...fault, path: `draft.${fault.path}` }));
    throw new Refusal(400, 'The location is not valid.', inDraft);
  }
  const sound = rows.filter((row) => row.id !== drafted?.id && locationFaults(row).length === 0);
  const found = locate(compileLocations(drafted === undefined ? sound : [...sound, drafted]), path);
  if (found === undefined) return { path, addHeaders: {} };
  const { id, providerId, upstreamId, addHeaders } = found.location;
  return { path: found.path, locationId: id, providerId, upstreamId, addHeaders };
}
