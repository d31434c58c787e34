import { ADMIN_API, compileLocations, type Location, locate, locationFaults } from '@ai-gateway/contracts';
import type { Express } from 'express';
import { newId } from '../db/store.ts';
import { Refusal } from '../domain/faults.ts';
import { handle, handleCrud } from './handle.ts';
import { locations } from './kinds.ts';
import { operations, type ResourceOptions } from './resources.ts';

/** Locations: as every resource, and what they make of a path. */
export function locationRoutes(app: Express, options: ResourceOptions): void {
  const { store, authorize } = options;
  handle(app, ADMIN_API.locations.test, authorize, async ({ body }) =>
    testLocation(await store.all('location'), body.path, body.draft),
  );
  handleCrud(app, ADMIN_API.locations, authorize, operations(locations, options));
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
