import { logLevelSetting, portSetting } from '@ai-gateway/contracts';
import { z } from 'zod';

/** The dashboard server's environment. */
export const settingsShape = z.object({
  HOST: z.string().default('127.0.0.1'),
  FRONTEND_PORT: portSetting.default(8080),
  LOG_LEVEL: logLevelSetting,
  CONFIG_CENTER_URL: z.url({ protocol: /^https?$/ }).default('http://127.0.0.1:8001'),
});

export type Settings = z.infer<typeof settingsShape>;
