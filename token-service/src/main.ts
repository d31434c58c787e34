import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSettings } from '@ai-gateway/contracts';
import { pino } from 'pino';
import { cachedCount } from './domain/cached-count.ts';
import { calibrations as newCalibrations } from './domain/calibration.ts';
import { serviceMetrics } from './metrics.ts';
import { modelFile } from './model-file.ts';
import { tokenServer } from './server.ts';
import { type Settings, settingsShape } from './settings.ts';
import { library as newLibrary } from './vocabularies/library.ts';
import { templates as newTemplates } from './vocabularies/templates.ts';
import { startWorkers } from './workers.ts';

/** Time in which running counts may end before the process does. */
const STOP_MS = 5_000;

/** How often the operator's table of models is looked at. */
const REFRESH_MS = 2_000;

function start(settings: Settings): void {
  const log = pino({ level: settings.LOG_LEVEL, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  const {
    TOKEN_SERVICE_PORT: port,
    TOKEN_VOCABULARIES_DIR: vocabulariesFolder,
    TOKEN_MODELS_FILE: modelsFile,
  } = settings;
  const models = modelFile(modelsFile, (mistake) => log.error({ event: 'models-file' }, mistake));
  const workers = startWorkers(settings.TOKEN_WORKERS, { vocabulariesFolder, modelsFile });
  const library = newLibrary(vocabulariesFolder, workers.read);
  const calibrations = newCalibrations();
  const cache = cachedCount();
  const server = tokenServer({
    library,
    models,
    calibrations,
    cache,
    workers,
    templates: newTemplates(vocabulariesFolder),
    metrics: serviceMetrics({ workers, cache, library, calibrations }),
    maxBodyBytes: settings.TOKEN_MAX_BODY_BYTES,
    onFailure: (error) =>
      log.error({ event: 'failed', error: error instanceof Error ? error.stack : String(error) }, 'count failed'),
  });
  setInterval(models.refresh, REFRESH_MS).unref();
  server.on('error', (error: NodeJS.ErrnoException) => {
    const isTaken = error.code === 'EADDRINUSE';
    log.error({ port }, isTaken ? `port ${port} is taken; set TOKEN_SERVICE_PORT to another one` : error.message);
    process.exit(1);
  });
  server.listen(port, settings.HOST, () => {
    log.info({ event: 'listening', port: (server.address() as AddressInfo).port }, 'token service listens');
    for (const name of settings.TOKEN_PRELOAD)
      library.tokenizer(name).catch((error: Error) => log.error({ event: 'preload', vocabulary: name }, error.message));
  });
  async function stop(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve));
    await Promise.race([closed, sleep(STOP_MS, undefined, { ref: false })]);
    server.closeAllConnections();
    await workers.close();
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
