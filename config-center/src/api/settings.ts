import { ADMIN_API } from '@ai-gateway/contracts';
import type { Express, RequestHandler } from 'express';
import { sessionFor } from '../auth/authorize.ts';
import type { LiveSettings } from '../db/operator-settings.ts';
import { handle } from './handle.ts';

export interface SettingsOptions {
  readonly liveSettings: LiveSettings;
  readonly authorize: RequestHandler;
  readonly now: () => string;
}

/** What operators change while the config center runs. */
export function settingsRoutes(app: Express, { liveSettings, authorize, now }: SettingsOptions): void {
  const { read, update } = ADMIN_API.settings;
  const report = () => ({ values: liveSettings.current(), defaults: liveSettings.defaults });
  handle(app, read, authorize, report);
  handle(app, update, authorize, async ({ body, response }) => {
    await liveSettings.change(body, { actor: sessionFor(response).administrator, at: now() });
    return report();
  });
}
