import {
  logLevelSetting,
  type OperatorSettings,
  portSetting,
  redisUrlSetting,
  secretSetting,
  serviceUrl,
} from '@ai-gateway/contracts';
import { secretsKeysSetting } from '@ai-gateway/contracts/secrets';
import { z } from 'zod';
import { DATABASE_URL_FORMS, isDatabaseUrl } from './db/database-url.ts';

/** The config center's environment. */
export const settingsShape = z.object({
  HOST: z.string().default('127.0.0.1'),
  CONFIG_CENTER_PORT: portSetting.default(8001),
  LOG_LEVEL: logLevelSetting,
  DATABASE_URL: z.string().refine(isDatabaseUrl, DATABASE_URL_FORMS).default('sqlite:data/config.db'),
  /** Where the settings of operators begin; they are changed while the config center runs. */
  AUDIT_DAYS: z.coerce.number().int().min(1).max(36_500).default(365),
  REQUEST_LOG_DAYS: z.coerce.number().int().min(1).max(3_650).default(7),
  /** Absent: gateways get the rules over HTTP alone. */
  REDIS_URL: redisUrlSetting.optional(),
  REDIS_CLUSTER: z.stringbool().default(false),
  GATEWAY_TOKEN: secretSetting,
  KEY_PEPPER: secretSetting,
  /** Absent: secrets of providers cannot be stored. */
  SECRETS_KEYS: secretsKeysSetting,
  ADMIN_TOKEN: secretSetting.optional(),
  LOGIN_CODE: z.string().min(20, 'at least 20 characters').optional(),
  DATA_DIR: z.string().default('data'),
  /** Absent: `admin_ed25519.key` in DATA_DIR. */
  ADMIN_KEY_FILE: z.string().optional(),
  PASSWORD_LOGIN: z.stringbool().default(false),
  /** Absent: no login by OIDC. */
  OIDC_ISSUER: z.url({ protocol: /^https?$/ }).optional(),
  OIDC_CLIENT_ID: z.string().optional(),
  OIDC_CLIENT_SECRET: z.string().optional(),
  OIDC_SCOPE: z.string().default('openid email profile'),
  OIDC_ROLE_CLAIM: z.string().optional(),
  OIDC_ROLES: z.string().default(''),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).default('http://localhost:8080'),
  TOKEN_SERVICE_URL: serviceUrl.default(new URL('http://127.0.0.1:8002')),
  SEED_DEMO: z.stringbool().default(true),
  MOCK_LLM_URL: z.url({ protocol: /^https?$/ }).default('http://127.0.0.1:8003'),
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: z.url({ protocol: /^https?$/ }).default('https://api.openai.com/v1'),
});

/** Settings of operators that nobody has changed. */
export function operatorDefaults({
  AUDIT_DAYS,
  REQUEST_LOG_DAYS,
}: Pick<Settings, 'AUDIT_DAYS' | 'REQUEST_LOG_DAYS'>): OperatorSettings {
  return {
    requestLogDays: REQUEST_LOG_DAYS,
    usageDays: 400,
    auditDays: AUDIT_DAYS,
    sessionHours: 12,
    sessionIdleMinutes: 30,
    loginCodeSeconds: 60,
  };
}

export type Settings = z.infer<typeof settingsShape>;
