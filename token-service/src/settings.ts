import { logLevelSetting, portSetting } from '@ai-gateway/contracts';
import { z } from 'zod';

/** The token service's environment. */
export const settingsShape = z.object({
  HOST: z.string().default('127.0.0.1'),
  TOKEN_SERVICE_PORT: portSetting.default(8002),
  LOG_LEVEL: logLevelSetting,
  TOKEN_MAX_BODY_BYTES: z.coerce.number().int().min(1024).max(268_435_456).default(16_777_216),
  TOKEN_WORKERS: z.coerce.number().int().min(1).max(64).default(1),
});

export type Settings = z.infer<typeof settingsShape>;
