import { hostname } from 'node:os';
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);
const secret = z
  .string()
  .min(32, 'at least 32 characters; make one with: openssl rand -hex 32')
  .refine((value) => !value.includes('CHANGE_ME'), 'still the placeholder of env.example');

/** `http://host:port`, also as `host:port`, with a trailing slash or with the full `/calculate` path. */
const serviceUrl = z
  .string()
  .transform((value) => (value.includes('://') ? value : `http://${value}`))
  .pipe(z.url({ protocol: /^https?$/ }))
  .transform((value) => new URL(value));

/** The gateway's environment. */
export const settingsShape = z.object({
  HOST: z.string().default('127.0.0.1'),
  GATEWAY_PORT: port.default(8081),
  GATEWAY_ID: z.string().min(1).max(100).default(hostname()),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  DATA_DIR: z.string().default('data'),
  CONFIG_CENTER_URL: serviceUrl.default(new URL('http://127.0.0.1:8001')),
  GATEWAY_TOKEN: secret,
  KEY_PEPPER: secret,
  TOKEN_SERVICE_URL: serviceUrl.default(new URL('http://127.0.0.1:8002')),
  TOKEN_CALCULATION_TIMEOUT: z.coerce.number().int().min(10).max(60_000).default(3000),
  USE_PRECISE_TOKEN_CALCULATION: z.stringbool().default(true),
  MAX_BODY_BYTES: z.coerce.number().int().min(1024).max(268_435_456).default(4_194_304),
  DRAIN_SECONDS: z.coerce.number().int().min(0).max(600).default(30),
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
  const faults = parsed.error.issues.map(({ path, message }) => {
    const name = path.join('.');
    return `  ${name}: ${given[name] === undefined ? 'not set; ' : ''}${message}`;
  });
  throw new Error(`These settings of the gateway are missing or wrong:\n${faults.join('\n')}`);
}
