import { hostname } from 'node:os';
import { logLevelSetting, portSetting, redisUrlSetting, secretSetting, serviceUrl } from '@ai-gateway/contracts';
import { secretsKeysSetting } from '@ai-gateway/contracts/secrets';
import { z } from 'zod';

/** Ports as `443,8443`, or `*` for any. */
const portsSetting = z
  .string()
  .regex(/^(\*|\d{1,5}(\s*,\s*\d{1,5})*)$/, 'ports with commas between them, or *')
  .transform((list) => (list === '*' ? ('any' as const) : list.split(',').map(Number)))
  .refine((ports) => ports === 'any' || ports.every((port) => port >= 1 && port <= 65_535), 'a port is 1 to 65535');

/** The gateway's environment. */
export const settingsShape = z.object({
  HOST: z.string().default('127.0.0.1'),
  GATEWAY_PORT: portSetting.default(8081),
  GATEWAY_ID: z.string().min(1).max(100).default(hostname()),
  LOG_LEVEL: logLevelSetting,
  DATA_DIR: z.string().default('data'),
  CONFIG_CENTER_URL: serviceUrl.default(new URL('http://127.0.0.1:8001')),
  GATEWAY_TOKEN: secretSetting,
  KEY_PEPPER: secretSetting,
  /** Absent: provider keys that the config center stores cannot be used. */
  SECRETS_KEYS: secretsKeysSetting,
  TOKEN_SERVICE_URL: serviceUrl.default(new URL('http://127.0.0.1:8002')),
  TOKEN_CALCULATION_TIMEOUT: z.coerce.number().int().min(10).max(60_000).default(3000),
  USE_PRECISE_TOKEN_CALCULATION: z.stringbool().default(true),
  TOKEN_DRIFT_SAMPLE: z.coerce.number().min(0).max(1).default(0.05),
  MAX_BODY_BYTES: z.coerce.number().int().min(1024).max(268_435_456).default(4_194_304),
  /** Absent: limits are counted in this process, and rules come from the config center alone. */
  REDIS_URL: redisUrlSetting.optional(),
  REDIS_CLUSTER: z.stringbool().default(false),
  /** A question to Redis about limits counts as failed after this; a decision of several waits at most twice as long. */
  LIMIT_STORE_TIMEOUT_MS: z.coerce.number().int().min(10).max(5000).default(70),
  LIMIT_LEASE_SECONDS: z.coerce.number().int().min(1).max(300).default(30),
  GATEWAY_INTERNAL_URL: z.url({ protocol: /^https?$/ }).optional(),
  HEARTBEAT_SECONDS: z.coerce.number().min(0).max(300).default(15),
  /** False: only public addresses, over TLS. */
  UPSTREAM_ALLOW_PRIVATE: z.stringbool().default(true),
  /** Ports that providers may be on; absent: any where private addresses are allowed, else 80 and 443. */
  UPSTREAM_PORTS: portsSetting.optional(),
  /** Silence after which a WebSocket is closed; 0 = never. */
  WEBSOCKET_IDLE_SECONDS: z.coerce.number().min(0).max(86_400).default(900),
  DRAIN_SECONDS: z.coerce.number().int().min(0).max(600).default(30),
});

export type Settings = z.infer<typeof settingsShape>;
