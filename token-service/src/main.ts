import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSettings } from '@ai-gateway/contracts';
import { pino } from 'pino';
import { counting } from './counting.ts';
import { tokenServer } from './server.ts';
import { type Settings, settingsShape } from './settings.ts';
import { tokenizerOf } from './tokenizers/tiktoken.ts';

/** Time in which running counts may end before the process does. */
const STOP_MS = 5_000;

function start(settings: Settings): void {
  const log = pino({ level: settings.LOG_LEVEL, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  const port = settings.TOKEN_SERVICE_PORT;
  const pool = counting(settings.TOKEN_WORKERS);
  const server = tokenServer({ counting: pool, maxBodyBytes: settings.TOKEN_MAX_BODY_BYTES });
  server.on('error', (error: NodeJS.ErrnoException) => {
    const isTaken = error.code === 'EADDRINUSE';
    log.error({ port }, isTaken ? `port ${port} is taken; set TOKEN_SERVICE_PORT to another one` : error.message);
    process.exit(1);
  });
  server.listen(port, settings.HOST, () => {
    log.info({ event: 'listening', port: (server.address() as AddressInfo).port }, 'token service listens');
    // Loading takes a while; better now than in somebody's request.
    setImmediate(() => tokenizerOf('qwen'));
    setImmediate(() => tokenizerOf('o200k_base'));
  });
  async function stop(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve));
    await Promise.race([closed, sleep(STOP_MS, undefined, { ref: false })]);
    server.closeAllConnections();
    await pool.close();
    process.exit(0);
  }
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
}

try {
  start(readSettings(settingsShape, 'token service', process.env));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
