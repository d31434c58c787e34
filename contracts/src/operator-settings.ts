import { z } from 'zod';
import { type AdminRoute, READERS, SUPERADMINS } from './admin-route.ts';

const days = (most: number) => z.number().int().min(1).max(most);

/** What operators change while the config center runs. Each is in force in every config center within seconds. */
export const operatorSettings = z.object({
  /** How long records of requests are kept. */
  requestLogDays: days(3_650),
  /** How long sums of usage are kept. */
  usageDays: days(3_650),
  /** How long entries of the audit log are kept. */
  auditDays: days(36_500),
  /** After so long a session ends, whatever happens in it. */
  sessionHours: z.number().int().min(1).max(720),
  /** A session in the browser ends after so long without a request. */
  sessionIdleMinutes: z.number().int().min(5).max(10_080),
  /** How long a code for another device works, unless it was asked for with a time of its own. */
  loginCodeSeconds: z.number().int().min(10).max(86_400),
});

const { shape } = operatorSettings;

/** Settings to change; `null` brings the default back. */
export const operatorSettingsChange = z
  .object({
    requestLogDays: shape.requestLogDays.nullable(),
    usageDays: shape.usageDays.nullable(),
    auditDays: shape.auditDays.nullable(),
    sessionHours: shape.sessionHours.nullable(),
    sessionIdleMinutes: shape.sessionIdleMinutes.nullable(),
    loginCodeSeconds: shape.loginCodeSeconds.nullable(),
  })
  .partial()
  .strict();

/** The settings in force, and what they are where nobody has changed them. */
export const operatorSettingsReport = z.object({ values: operatorSettings, defaults: operatorSettings });

/** Settings that are kept in SQL. */
export const operatorSettingsRoutes = {
  read: {
    method: 'get',
    path: '/settings',
    tag: 'settings',
    summary: 'Settings in force, and their defaults',
    response: operatorSettingsReport,
    access: READERS,
  },
  update: {
    method: 'patch',
    path: '/settings',
    tag: 'settings',
    summary: 'Change some of the settings; `null` brings a default back',
    body: operatorSettingsChange,
    response: operatorSettingsReport,
    access: SUPERADMINS,
  },
} as const satisfies Record<string, AdminRoute>;

export type OperatorSettings = z.infer<typeof operatorSettings>;
export type OperatorSettingsChange = z.infer<typeof operatorSettingsChange>;
