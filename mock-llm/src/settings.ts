import { z } from 'zod';

/** Environment of mock-llm: the keys are the variable names. */
export const settingsShape = z.object({
  HOST: z.string().min(1, 'an address to listen on').default('127.0.0.1'),
  MOCK_LLM_PORT: z.coerce
    .number('a port number')
    .int('a whole port number')
    .min(0, 'a port from 0 (any free one) to 65535')
    .max(65_535, 'a port from 0 (any free one) to 65535')
    .default(8003),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'a pino log level such as info')
    .default('info'),
});

export type Settings = z.infer<typeof settingsShape>;

/**
 * Reads the settings from an environment; an empty string counts as unset.
 * Returns either the settings or one line for every faulty variable, naming it and what is expected.
 */
export function readSettings(
  environment: Readonly<Record<string, string | undefined>>,
): { readonly settings: Settings } | { readonly faults: readonly string[] } {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = settingsShape.safeParse(given);
  if (parsed.success) return { settings: parsed.data };
  return { faults: parsed.error.issues.map((issue) => `${issue.path.join('.')}: expected ${issue.message}`) };
}
