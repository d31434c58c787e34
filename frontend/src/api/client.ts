import createClient from 'openapi-fetch';
import type { components, paths } from './schema.d.ts';

/** Shapes of the API by their names in its OpenAPI document. */
export type Schemas = components['schemas'];

/** What is wrong with one field; `path` is its JSON path. */
export interface FieldFault {
  readonly path: string;
  readonly message: string;
}

/** A call that was refused or failed; status 0 = no answer at all. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly faults: readonly FieldFault[];

  constructor(status: number, message: string, faults: readonly FieldFault[] = []) {
    super(message);
    this.name = 'ApiFailure';
    this.status = status;
    this.faults = faults;
  }
}

/** The typed client; the header tells the config center that a change comes from this page. */
export const api = createClient<paths>({ headers: { 'x-requested-with': 'gateway-dashboard' } });

interface Answer<T> {
  readonly data?: { readonly data: T };
  readonly error?: unknown;
  readonly response: Response;
}

/**
 * The `data` of an answer's envelope.
 * @throws ApiFailure for everything else
 */
export async function dataOf<T>(call: Promise<Answer<T>>): Promise<T> {
  const answer = await call.catch(() => {
    throw new ApiFailure(0, '');
  });
  if (answer.data !== undefined) return answer.data.data;
  const { message, data } = (answer.error ?? {}) as { message?: string; data?: { errors?: readonly FieldFault[] } };
  throw new ApiFailure(answer.response.status, message ?? answer.response.statusText, data?.errors ?? []);
}
