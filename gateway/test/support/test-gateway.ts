import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type LimitStatus, type Observation, type Snapshot, snapshotShape } from '@ai-gateway/contracts';
import { Registry } from 'prom-client';
import { connectGuard } from '../../src/adapters/connect-guard.ts';
import { estimateTokenCounter } from '../../src/adapters/estimate-token-counter.ts';
import { healthChecks } from '../../src/adapters/health-checks.ts';
import { memoryAnswerCache } from '../../src/adapters/memory-answer-cache.ts';
import { memoryLimitStore } from '../../src/adapters/memory-limit-store.ts';
import { memoryTargetHealth } from '../../src/adapters/memory-target-health.ts';
import { sleep } from '../../src/adapters/sleep.ts';
import { httpUpstreamClient } from '../../src/adapters/upstream-client.ts';
import { compileSnapshot } from '../../src/domain/compile-snapshot.ts';
import { countersOf } from '../../src/domain/counters.ts';
import { liveTotals } from '../../src/domain/live-totals.ts';
import { NO_SECRETS, type SecretSource } from '../../src/domain/provider-keys.ts';
import type { Comparison } from '../../src/domain/token-drift.ts';
import { SILENT } from '../../src/explain/dry-services.ts';
import { internalApp } from '../../src/http/internal-app.ts';
import { passthrough } from '../../src/http/serve-passthrough.ts';
import { gatewayServer } from '../../src/http/server.ts';
import { LimitKeeper } from '../../src/limits/limit-keeper.ts';
import type { AnswerCache, ConnectGuard, Metrics, RequestRecord, Services, TokenCounter } from '../../src/services.ts';
import { toyCount, toyCutText } from './toy-tokenizer.ts';

/** Answers like a provider, as a test scripts it. */
export type Script = (request: IncomingMessage, response: ServerResponse, body: string) => void | Promise<void>;

/** A provider whose behaviour a test scripts, and what it saw. */
export async function startUpstream(script: Script) {
  const seen: { path: string; headers: IncomingMessage['headers']; body: string }[] = [];
  let open = 0;
  let current = script;
  let watch: (request: IncomingMessage) => void = () => {};
  const server = createServer(async (request, response) => {
    open++;
    watch(request);
    response.on('close', () => open--);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks).toString();
    seen.push({ path: request.url ?? '', headers: request.headers, body });
    await current(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    open: () => open,
    play(next: Script) {
      current = next;
    },
    /** Called with every request before its body is read. */
    onRequest(next: (request: IncomingMessage) => void) {
      watch = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A plain chat answer of `text`. */
export function plainAnswer(
  text: string,
  usage: object | null = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
): Script {
  return (_request, response) => {
    response.setHeader('content-type', 'application/json');
    const choices = [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }];
    response.end(JSON.stringify({ id: 'c', object: 'chat.completion', model: 'm', choices, ...(usage && { usage }) }));
  };
}

/** One content event of a stream. */
export function contentEvent(text: string): string {
  const choices = [{ index: 0, delta: { content: text }, finish_reason: null }];
  return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices })}\n\n`;
}

export const FINISH = 'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n';
export const DONE = 'data: [DONE]\n\n';

/** A stream of the given parts, `pauseMs` apart. */
export function streamAnswer(parts: readonly string[], pauseMs = 0): Script {
  return async (_request, response) => {
    response.setHeader('content-type', 'text/event-stream');
    for (const part of parts) {
      if (response.destroyed) return;
      response.write(part);
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    response.end();
  };
}

/** A token counter that the test can break. */
export function toyCounter(): TokenCounter & { isDown: boolean } {
  const cut = toyCutText();
  return {
    isDown: false,
    async countChat(_model, { messages }) {
      if (this.isDown) throw new Error('down');
      const tokens = messages.reduce<number>(
        (sum, message) => sum + toyCount(String((message as { content?: unknown }).content ?? '')),
        0,
      );
      return { tokens, exact: true };
    },
    tokensPerByte: () => 1,
    async cut(_model, text, maxTokens, from) {
      if (this.isDown) throw new Error('down');
      return cut(text, maxTokens, from);
    },
  };
}

export const KEY_PEPPER = 'pepper';

/** A policy of the namespace of `rulesWith`, called by its id. */
export const policy = (id: string, rule: object, more: object = {}) => ({
  id,
  namespaceId: 'n1',
  name: id,
  rule,
  ...more,
});

/** The body of a chat request that every provider of `rulesWith` serves. */
export const ask = (more: object = {}) => ({
  model: 'm',
  messages: [{ role: 'user', content: 'hi' }],
  ...more,
});

/** Rules with one open namespace `test-channel` and one provider at `upstreamUrl`; overrides replace whole lists. */
export function rulesWith(upstreamUrls: readonly string[], overrides: Record<string, unknown> = {}): Snapshot {
  return snapshotShape.parse({
    epoch: 'e',
    revision: 7,
    createdAt: '2026-01-01T00:00:00Z',
    namespaces: [
      { id: 'n1', code: 'test-channel', name: 'Test', authMode: 'open' },
      { id: 'n2', code: 'closed', name: 'Closed', authMode: 'key' },
      { id: 'n3', code: 'disabled', name: 'Disabled', isEnabled: false },
    ],
    matchers: ['test-channel', 'closed', 'disabled'].map((value, index) => ({
      id: `m${index}`,
      namespaceId: `n${index + 1}`,
      source: 'header',
      field: 'X-Channel-Code',
      operator: 'equals',
      value,
    })),
    policies: [],
    providers: [{ id: 'p1', name: 'acme', models: ['m', 'gpt-*'] }],
    upstreams: upstreamUrls.map((baseUrl, index) => ({ id: `u${index}`, providerId: 'p1', baseUrl })),
    virtualKeys: [],
    ...overrides,
  });
}

/** What a test puts in the place of a part of the gateway. */
interface Parts {
  readonly counter?: TokenCounter;
  /** See `Observations`; default 0. */
  readonly outputShare?: number;
  /** Default: everything on this machine may be reached. */
  readonly guard?: ConnectGuard;
  /** Default: the memory of this process. */
  readonly cache?: AnswerCache;
  /** See `Services`; default 0. */
  readonly heartbeatMs?: number;
  /** See `PassthroughOptions`; default 0. */
  readonly websocketIdleMs?: number;
}

/** A whole gateway over real HTTP in this process: real pipeline, limits and upstream client, toy vocabulary. */
export async function startGateway(rules: Snapshot, secrets: Record<string, string> = {}, parts: Parts = {}) {
  const source: SecretSource = {
    open: (key) => secrets[key.id] ?? NO_SECRETS.open(key),
    environment: (name) => secrets[name],
  };
  let config = compileSnapshot(rules, source);
  const records: RequestRecord[] = [];
  const comparisons: (Comparison & { readonly label: string })[] = [];
  const observations: Observation[] = [];
  const tokens = toyCounter();
  const totals = liveTotals();
  const metrics: Metrics = {
    ...SILENT,
    started: (id) => totals.started(id),
    ended: (id) => totals.ended(id),
    request: (record) => {
      if (record.namespaceId !== undefined) totals.add(record.namespaceId, record.outcome);
      records.push(record);
    },
    tokenDrift: (label, comparison) => comparisons.push({ label, ...comparison }),
  };
  const log = { request: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const nowMs = () => performance.timeOrigin + performance.now();
  const limits = new LimitKeeper({
    local: memoryLimitStore(() => Math.floor(nowMs() * 1000)),
    leaseMs: 30_000,
    nowMs,
    random: Math.random,
    log,
    onEvent: () => {},
  });
  const guard = parts.guard ?? connectGuard({ allowPrivate: true });
  const services: Services = {
    gatewayId: 'test',
    heartbeatMs: parts.heartbeatMs ?? 0,
    config: {
      current: () => config,
      hashOf: (secret) => createHmac('sha256', KEY_PEPPER).update(secret).digest('hex'),
      refused: () => undefined,
    },
    limits,
    tokens: parts.counter ?? tokens,
    estimates: estimateTokenCounter,
    observations: {
      outputShare: parts.outputShare ?? 0,
      note: (observation) => observations.push(observation),
    },
    upstream: httpUpstreamClient(guard),
    cache: parts.cache ?? memoryAnswerCache(),
    health: memoryTargetHealth({ nowMs, random: Math.random, metrics, log }),
    metrics,
    log,
    requestLog: { note: () => {} },
    nowMs,
    sleep,
    random: Math.random,
  };
  const { health } = services;
  const checks = healthChecks({ current: services.config.current, health, guard, nowMs, random: Math.random });
  const proxy = passthrough(services, { guard, websocketIdleMs: parts.websocketIdleMs ?? 0 });
  const app = internalApp({
    services,
    passthrough: proxy,
    registry: new Registry(),
    totals,
    version: 'test',
    gatewayToken: 'test-token',
    isDraining: () => false,
    rulesAgeSeconds: () => 0,
    newLimits: (clockMs) =>
      new LimitKeeper({
        local: memoryLimitStore(() => Math.floor(clockMs() * 1000)),
        leaseMs: 60_000,
        nowMs: clockMs,
        random: Math.random,
        log,
        onEvent: () => {},
      }),
  });
  const server = gatewayServer({ services, app, passthrough: proxy, maxBodyBytes: 65_536 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;

  function chat(body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    return fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-channel-code': 'test-channel', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...(signal && { signal }),
    });
  }

  return {
    url,
    port,
    chat,
    tokens,
    records,
    /** Own counts beside reported ones: for the metric, and for the token service. */
    comparisons,
    observations,
    setRules(next: Snapshot) {
      config = compileSnapshot(next, source);
    },
    /** Counters of all namespaces, without what changes by the clock alone. */
    async limits(): Promise<readonly Pick<LimitStatus, 'policyId' | 'key' | 'kind' | 'counts' | 'current'>[]> {
      const counters = [...config.namespaces.values()].flatMap((namespace) => countersOf(config, namespace));
      const report = await limits.report('', counters);
      return report.limits.map(({ policyId, key, kind, counts, current }) => ({
        policyId,
        key,
        kind,
        counts,
        current,
      }));
    },
    inFlight: () => totals.all().reduce((sum, { inFlight }) => sum + inFlight, 0),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      checks.close();
      proxy.close();
      await limits.close();
      await services.upstream.close();
    },
  };
}

/** Sends bytes on a bare socket and returns all that comes back until the other side closes or falls silent. */
export function sendRaw(port: number, text: string, silenceMs = 1_500): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let received = '';
    const done = () => {
      socket.destroy();
      resolve(received);
    };
    socket.setTimeout(silenceMs, done);
    socket.on('data', (chunk) => {
      received += chunk.toString();
    });
    socket.on('close', done).on('error', done);
  });
}

/** Waits until a condition holds; fails after two seconds. */
export async function eventually(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('it did not come true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
