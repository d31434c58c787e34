/** A gateway that can be asked. */
export interface AskedGateway {
  readonly gatewayId: string;
  readonly url: string;
}

export interface GatewayQuestion {
  /** With its query. */
  readonly path: string;
  /** JSON that is posted; absent: it is asked by GET. */
  readonly body?: string;
  readonly gatewayToken: string;
  readonly signal: AbortSignal;
}

/**
 * Asks a gateway over its internal routes.
 * @throws Error when it does not answer before the signal, or not with JSON
 */
export async function askGateway(
  { url }: AskedGateway,
  { path, body, gatewayToken, signal }: GatewayQuestion,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const authorization = `Bearer ${gatewayToken}`;
  const response = await fetch(new URL(path, url), {
    redirect: 'error',
    signal,
    ...(body === undefined
      ? { headers: { authorization } }
      : { method: 'POST', body, headers: { authorization, 'content-type': 'application/json' } }),
  });
  return { status: response.status, body: await response.json() };
}
