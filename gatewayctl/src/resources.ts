import { ADMIN_API, type AdminRoute } from '@ai-gateway/contracts';
import { usageFailure } from './failure.ts';

/** Paths of all resources that can be listed, read, created, replaced and deleted, by the name in their path. */
export const RESOURCES: ReadonlyMap<string, string> = new Map(
  Object.values(ADMIN_API as Record<string, Record<string, AdminRoute>>).flatMap(
    ({ list, create, read, update, remove }) =>
      list !== undefined && create !== undefined && read !== undefined && update !== undefined && remove !== undefined
        ? [[list.path.slice(1), list.path] as const]
        : [],
  ),
);

/** @throws Failure that lists the resources */
export function resourcePath(name: string | undefined): string {
  const path = RESOURCES.get(name ?? '');
  if (path !== undefined) return path;
  throw usageFailure(`Which resource? One of ${[...RESOURCES.keys()].join(', ')}.`);
}
