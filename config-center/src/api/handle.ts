import type { AdminRoute } from '@ai-gateway/contracts';
import type { Express, Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { permit } from '../auth/authorize.ts';
import { Refusal, shapeFaults } from '../domain/faults.ts';

type QueryOf<R> = R extends { readonly query: infer Q extends z.ZodType } ? z.infer<Q> : undefined;
type BodyOf<R> = R extends { readonly body: infer B extends z.ZodType } ? z.infer<B> : undefined;
type ResponseOf<R extends AdminRoute> = z.input<R['response']>;

/** A checked call. */
export interface Call<R extends AdminRoute> {
  readonly params: Readonly<Record<string, string>>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
  readonly request: Request;
  readonly response: Response;
}

/** Answers a call with the `data` of the envelope, or throws a Refusal. */
export type Handler<R extends AdminRoute> = (call: Call<R>) => Promise<ResponseOf<R>> | ResponseOf<R>;

/** Registers a route of the contract: checks who calls and may, query and body, and wraps the answer in the envelope. */
export function handle<const R extends AdminRoute>(
  app: Express,
  route: R,
  authorize: RequestHandler,
  handler: Handler<R>,
): void {
  const gates = route.access === 'public' ? [] : [authorize, permit(route.access)];
  app[route.method](`/api/v2${route.path}`, ...gates, async (request: Request, response: Response) => {
    const query = route.query === undefined ? undefined : checked(route.query, request.query);
    const body = route.body === undefined ? undefined : checked(route.body, request.body);
    // Checked right above by the schemas that these types are inferred from.
    const call = { params: request.params, query, body, request, response } as unknown as Call<R>;
    const data = await handler(call);
    // A handler may have sent its answer in another form.
    if (!response.headersSent) sendEnvelope(response, route.status ?? 200, 'ok', data);
  });
}

/** The routes that every resource has. */
type CrudRoutes = Readonly<Record<'list' | 'create' | 'read' | 'update' | 'remove', AdminRoute>>;

/** Registers the routes that every resource has, each with its handler. */
export function handleCrud<const R extends CrudRoutes>(
  app: Express,
  routes: R,
  authorize: RequestHandler,
  handlers: { readonly [Name in keyof CrudRoutes]: Handler<R[Name]> },
): void {
  handle(app, routes.list, authorize, handlers.list);
  handle(app, routes.create, authorize, handlers.create);
  handle(app, routes.read, authorize, handlers.read);
  handle(app, routes.update, authorize, handlers.update);
  handle(app, routes.remove, authorize, handlers.remove);
}

/** Sends the envelope of the control plane. */
export function sendEnvelope(response: Response, code: number, message: string, data: unknown): void {
  response.status(code).json({ code, message, data, timestamp: new Date().toISOString() });
}

/** @throws Refusal 400 with every fault */
function checked(shape: z.ZodType, value: unknown): unknown {
  const parsed = shape.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  throw new Refusal(400, 'The request is not valid.', parsed.error.issues.flatMap(shapeFaults));
}
