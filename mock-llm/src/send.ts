import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Delivery } from './delivery.ts';

/** Told that the mock itself closes the socket, so that this is not taken for a client that left. */
export type OnSelfClose = () => void;

/** Sends a delivery. Ends quietly when the client leaves; waits for a slow reader before it writes on. */
export function send(response: ServerResponse, delivery: Delivery, onSelfClose: OnSelfClose): void {
  const only = onlyWriteOf(delivery);
  if (only !== undefined && writeHead(response, delivery)) response.end(only);
  if (only !== undefined) return;
  // Whatever fails here, better a torn answer than a dead mock.
  sendInSteps(response, delivery, onSelfClose).catch(() => response.destroy());
}

async function sendInSteps(response: ServerResponse, delivery: Delivery, onSelfClose: OnSelfClose): Promise<void> {
  const left = new AbortController();
  response.once('close', () => left.abort());
  try {
    await sendSlowly(response, delivery, left.signal);
  } catch (error) {
    // A write that fails because the client left may be told before the response closes.
    if (left.signal.aborted || response.destroyed || response.socket?.destroyed !== false) return;
    throw error;
  }
  finish(response, delivery, onSelfClose);
}

/** The bytes of a delivery that can go out at once and end. */
function onlyWriteOf({ writes, ending, firstDelayMs, bodyDelayMs }: Delivery): Buffer | undefined {
  if (ending !== 'end' || writes?.length !== 1 || firstDelayMs > 0 || bodyDelayMs > 0) return undefined;
  return writes[0];
}

async function sendSlowly(response: ServerResponse, delivery: Delivery, signal: AbortSignal): Promise<void> {
  const { writes, firstDelayMs, bodyDelayMs, delayMs } = delivery;
  await pause(firstDelayMs, signal);
  if (writes === undefined) return;

  if (!writeHead(response, delivery)) return;
  response.flushHeaders();
  await pause(bodyDelayMs, signal);
  for (const [index, bytes] of writes.entries()) {
    if (index > 0) await pause(delayMs, signal);
    await write(response, bytes);
  }
}

function finish(response: ServerResponse, { ending }: Delivery, onSelfClose: OnSelfClose): void {
  switch (ending) {
    case 'end':
      response.end();
      return;
    case 'destroy':
      onSelfClose();
      response.socket?.destroy();
      return;
    case 'reset':
      onSelfClose();
      response.socket?.resetAndDestroy();
      return;
    case 'hang':
      return;
    default:
      ending satisfies never;
  }
}

/** False when Node refuses a header that a control asked for; the answer is torn then. */
function writeHead(response: ServerResponse, { status, headers }: Delivery): boolean {
  try {
    // Node does not change the array; its types do not say so.
    response.writeHead(status, headers as string[]);
    return true;
  } catch {
    response.destroy();
    return false;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (ms > 0) await sleep(ms, undefined, { signal });
}

function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    response.write(bytes, (error) => {
      if (error == null) resolve();
      else reject(error);
    });
  });
}
