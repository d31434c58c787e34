import process from 'node:process';
import { pino } from 'pino';
import { readSettings, type Settings } from './settings.ts';
import { startMockLlm } from './start-mock-llm.ts';

const read = readSettings(process.env);
if ('faults' in read) {
  process.stderr.write(`mock-llm cannot start:\n${read.faults.map((fault) => `  ${fault}\n`).join('')}`);
  process.exit(1);
}
await run(read.settings);

async function run(settings: Settings): Promise<void> {
  const log = pino({ name: 'mock-llm', level: settings.LOG_LEVEL });
  const port = settings.MOCK_LLM_PORT;
  const mock = await startMockLlm({ port, host: settings.HOST }).catch((error: NodeJS.ErrnoException) => {
    const reason =
      error.code === 'EADDRINUSE'
        ? `port ${port} is taken; set MOCK_LLM_PORT to a free one`
        : `cannot listen on HOST ${settings.HOST}, MOCK_LLM_PORT ${port}: ${error.message}`;
    process.stderr.write(`mock-llm cannot start: ${reason}\n`);
    process.exit(1);
  });
  log.info({ event: 'listening', port: mock.port }, `mock-llm listens on ${mock.url}`);

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      mock.close().then(
        () => {
          log.info({ event: 'stopped', signal }, 'mock-llm stopped');
          process.exit(0);
        },
        (error: unknown) => {
          log.error({ err: error }, 'mock-llm did not stop cleanly');
          process.exit(1);
        },
      );
    });
  }
}
