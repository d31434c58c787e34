import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readSettings } from '@ai-gateway/contracts';
import { pino } from 'pino';
import { frontendApp } from './app.ts';
import { type Settings, settingsShape } from './settings.ts';

function start(settings: Settings): void {
  const log = pino({ level: settings.LOG_LEVEL, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  const dist = join(import.meta.dirname, '..', 'dist');
  const server = createServer(frontendApp({ dist, configCenterUrl: settings.CONFIG_CENTER_URL }));
  const port = settings.FRONTEND_PORT;
  server.on('error', (error: NodeJS.ErrnoException) => {
    const isTaken = error.code === 'EADDRINUSE';
    log.error({ port }, isTaken ? `port ${port} is taken; set FRONTEND_PORT to another one` : error.message);
    process.exit(1);
  });
  server.listen(port, settings.HOST, () => {
    log.info({ event: 'listening', port: (server.address() as AddressInfo).port }, 'dashboard listens');
  });
  const stop = () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

try {
  start(readSettings(settingsShape, 'dashboard server', process.env));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
