import type { UnsupportedAction } from '@ai-gateway/contracts';
import { GatewayError } from './gateway-error.ts';

/** What of a request cannot be done, as dotted paths of its fields. */
interface Unsupported {
  readonly minor: readonly string[];
  readonly vital: readonly string[];
}

/** Who cannot do it, for the caller to read. */
type Unable = 'this model' | 'the provider of this model';

/**
 * The fields that are left out of a request for what becomes of them.
 * @throws GatewayError `invalid_request` that names the first field that must not be left out
 */
export function leftOut({ minor, vital }: Unsupported, action: UnsupportedAction, unable: Unable): readonly string[] {
  switch (action) {
    case 'drop_all':
      return [...vital, ...minor];
    case 'refuse':
      refuseVital(vital, unable);
      refuseMinor(minor, unable);
      return [];
    case 'drop':
      refuseVital(vital, unable);
      return minor;
    default:
      return action satisfies never;
  }
}

function refuseVital([param]: readonly string[], unable: Unable): void {
  if (param === undefined) return;
  const message = `${param}: ${unable} cannot do this, and without it the answer would be another.`;
  throw new GatewayError('invalid_request', { message, param });
}

function refuseMinor([param]: readonly string[], unable: Unable): void {
  if (param === undefined) return;
  throw new GatewayError('invalid_request', { message: `${param}: ${unable} does not know this.`, param });
}
