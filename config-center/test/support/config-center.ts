import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { rulesSigner, secretsKeysSetting } from '@ai-gateway/contracts/secrets';
import { pino } from 'pino';
import { configCenterApp } from '../../src/app.ts';
import { type AccessSettings, administratorAccess } from '../../src/auth/access.ts';
import { ensureBuiltIn } from '../../src/auth/administrators.ts';
import { liveSettings } from '../../src/db/operator-settings.ts';
import { openStore } from '../../src/db/store.ts';
import { liveRates } from '../../src/domain/live-rates.ts';
import { standingKeeper } from '../../src/publish/account-standings.ts';
import { policyTestGuard } from '../../src/publish/policy-tests.ts';
import { publisher } from '../../src/publish/publisher.ts';
import { requestLogIntake } from '../../src/publish/request-log-intake.ts';
import { operatorDefaults } from '../../src/settings.ts';

export const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
/** A master key. */
export const SECRETS_KEYS = `test:${Buffer.alloc(32, 7).toString('base64')}`;
export const GATEWAY_TOKEN = 'gateway-token-of-the-tests-0123456789abcdef';

/** A parsed answer of the control plane. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
  readonly headers: Headers;
}

/** Settings of operators as they are without an environment. */
const DEFAULTS = operatorDefaults({ AUDIT_DAYS: 365, REQUEST_LOG_DAYS: 7 });

/** Nobody listens here. */
const NOWHERE = new URL('http://127.0.0.1:2');

export interface CenterOptions extends Partial<AccessSettings> {
  readonly databaseUrl?: string;
  readonly nowMs?: () => number;
  readonly tokenServiceUrl?: URL;
  /** As the environment has them. */
  readonly secretsKeys?: string;
}

/** A config center over real HTTP on a free port, with a file or in-memory database. */
export async function startConfigCenter({
  databaseUrl = 'sqlite::memory:',
  nowMs = Date.now,
  tokenServiceUrl = NOWHERE,
  secretsKeys = SECRETS_KEYS,
  hasPasswordLogin = false,
  oidc,
}: CenterOptions = {}) {
  const store = await openStore(databaseUrl);
  const live = liveRates();
  const guard = policyTestGuard({ gateways: () => live.addresses(nowMs()), gatewayToken: GATEWAY_TOKEN });
  const published = await publisher(store, () => new Date(nowMs()).toISOString(), guard);
  await ensureBuiltIn(store.connection, new Date(nowMs()).toISOString());
  const operators = await liveSettings(store, DEFAULTS);
  const access = administratorAccess(store, { hasPasswordLogin, oidc, lifetimes: operators.current }, nowMs);
  const log = pino({ level: 'silent' });
  const now = () => new Date(nowMs()).toISOString();
  const standings = standingKeeper({ store, publisher: published, log, now });
  const app = configCenterApp({
    store,
    publisher: published,
    requestLogIntake: requestLogIntake(store.connection, nowMs, standings.settle),
    live,
    access,
    liveSettings: operators,
    adminToken: ADMIN_TOKEN,
    gatewayToken: GATEWAY_TOKEN,
    keyPepper: 'pepper',
    masterKeys: secretsKeysSetting.parse(secretsKeys),
    signer: rulesSigner(GATEWAY_TOKEN),
    publicUrl: 'http://localhost:8080',
    tokenServiceUrl,
    log,
    nowMs,
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text), headers: response.headers };
  }

  return {
    url,
    call,
    store,
    access,
    liveSettings: operators,
    publisher: published,
    live,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await store.close();
    },
  };
}
