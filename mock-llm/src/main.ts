import process from 'node:process';
import { pino } from 'pino';
import { readSettings, type Settings } from './settings.ts';
import { type MockLlm, startMockLlm } from './start-mock-llm.ts';

async function start(settings: Settings): Promise<void> {
  const log = pino({ level: settings.LOG_LEVEL, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  const mock = await listen(settings);
  log.info({ event: 'listening', port: mock.port }, 'mock-llm listens');
  const stop = () => {
    void mock.close().then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

async function listen({ MOCK_LLM_PORT: port, HOST: host }: Settings): Promise<MockLlm> {
  try {
    return await startMockLlm({ port, host });
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (isTaken) throw new Error(`port ${port} is taken; set MOCK_LLM_PORT to another one`);
    throw error;
  }
}

try {
  await start(readSettings(process.env));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
