import { existsSync } from 'node:fs';
import http, { type IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import express, { type Express, type RequestHandler } from 'express';
import httpProxy from 'http-proxy';

export interface AppOptions {
  /** Folder of the built dashboard. */
  readonly dist: string;
  readonly configCenterUrl: string;
}

const PROXIED = /^\/(api|docs|openapi\.json)(\/|$)/;

/**
 * Serves the built dashboard and passes the API through to the config center, so that the browser knows one origin.
 * @throws Error when the dashboard has not been built
 */
export function frontendApp({ dist, configCenterUrl }: AppOptions): Express {
  const index = join(dist, 'index.html');
  if (!existsSync(index)) throw new Error('The dashboard has not been built. Run: npm run build');

  const app = express();
  app.disable('x-powered-by');
  app.get('/health', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.use(apiProxy(configCenterUrl));
  app.use(securityHeaders);
  app.use('/assets', express.static(join(dist, 'assets'), { immutable: true, maxAge: '1y', fallthrough: false }));
  app.use(express.static(dist, { index: false, maxAge: '1h' }));
  app.get('/*page', (_request, response) => {
    response.set('cache-control', 'no-cache').sendFile(index);
  });
  app.get('/', (_request, response) => {
    response.set('cache-control', 'no-cache').sendFile(index);
  });
  return app;
}

/** The styles of antd are made in the page, hence 'unsafe-inline' for styles alone. */
const securityHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'content-security-policy':
      "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
  });
  next();
};

function apiProxy(target: string): RequestHandler {
  const agent = target.startsWith('https:')
    ? new https.Agent({ keepAlive: true })
    : new http.Agent({ keepAlive: true });
  const proxy = httpProxy.createProxyServer({ target, agent, xfwd: true });
  // http-proxy listens for 'aborted', which Node no longer emits: without this the request outlives the client.
  proxy.on('proxyReq', (upstream, _message, response) => {
    response.on('close', () => {
      if (!response.writableFinished) upstream.destroy();
    });
  });
  proxy.on('error', (_error, _message: IncomingMessage, response) => {
    if (!(response instanceof ServerResponse) || response.headersSent) return;
    const body = {
      code: 502,
      message: 'The config center cannot be reached.',
      data: { errors: [] },
      timestamp: new Date().toISOString(),
    };
    response.writeHead(502, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  return (request, response, next) => {
    if (PROXIED.test(request.path)) proxy.web(request, response);
    else next();
  };
}
