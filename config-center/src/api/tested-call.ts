import type { Response } from 'express';
import { sessionFor } from '../auth/authorize.ts';
import { Refusal } from '../domain/faults.ts';
import type { PolicyTestsUse } from '../publish/publisher.ts';

/** A call that changes rules. */
export interface Writer {
  readonly query: { readonly ignoreTests?: boolean | undefined };
  readonly response: Response;
}

/**
 * What a call does about policy tests.
 * @throws Refusal 403 for a tenant's administrator, who does not see them
 */
export function policyTestsFor({ query, response }: Writer): PolicyTestsUse {
  if (query.ignoreTests !== true) return 'run';
  if (sessionFor(response).role !== 'tenant_admin') return 'ignore';
  throw new Refusal(403, 'Your role may not do this.', [
    { path: 'ignoreTests', message: 'Your role may not set this.' },
  ]);
}
