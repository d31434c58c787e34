import { z } from 'zod';

/** The environment of mock-llm. */
export const settingsShape = z.object({
  HOST: z.string().min(1, 'expected an address to listen on').default('127.0.0.1'),
  MOCK_LLM_PORT: z.coerce
    .number('expected a port number')
    .int('expected a whole number')
    .min(0, 'expected a port from 0 (any free one) to 65535')
    .max(65_535, 'expected a port from 0 (any free one) to 65535')
    .default(8003),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], 'expected a log level such as info')
    .default('info'),
});

export type Settings = z.infer<typeof settingsShape>;

/**
 * Settings from the environment; an empty variable counts as unset.
 * @throws Error that names every faulty variable and what is expected of it
 */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = settingsShape.safeParse(given);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`);
  throw new Error(`These settings of mock-llm are wrong:\n${faults.join('\n')}`);
}
