import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERRORS, GATEWAY_METRICS } from '@ai-gateway/contracts';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** Names of the settings that a service declares in its schema. */
function settingsIn(path: string): string[] {
  const shape = /settingsShape = z\.object\(\{([\s\S]*?)\n\}\)/.exec(read(path))?.[1] ?? '';
  return [...shape.matchAll(/^ {2}([A-Z_]+):/gm)].map(([, name]) => name ?? '');
}

const SETTINGS = [
  ...new Set(
    ['gateway/src', 'config-center/src', 'token-service/src', 'mock-llm/src', 'frontend/server'].flatMap((folder) =>
      settingsIn(`${folder}/settings.ts`),
    ),
  ),
].sort();

it('env.example explains every setting of every service, and no other but that of docker compose', () => {
  const named = [...read('env.example').matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name ?? '').sort();
  expect(SETTINGS.length).toBeGreaterThan(20);
  expect(named.filter((name) => !['DATABASE_PASSWORD', 'PROMETHEUS_PORT', 'REDIS_PASSWORD'].includes(name))).toEqual(
    SETTINGS,
  );
});

it('the README lists the same settings', () => {
  const named = [...read('README.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name ?? '').sort();
  expect(named).toEqual(SETTINGS);
});

it('docs/errors.md lists every code with its status', () => {
  const listed = [...read('docs/errors.md').matchAll(/^\| `(\w+)` \| (\d{3}) \|/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ]);
  expect(Object.fromEntries(listed)).toEqual(
    Object.fromEntries(Object.entries(ERRORS).map(([code, { status }]) => [code, status])),
  );
});

it('docs/metrics.md lists every metric of the gateway with its labels', () => {
  const listed = [...read('docs/metrics.md').matchAll(/^\| `(gateway_\w+)` \| \w+ \| ([^|]*) \|/gm)].map(
    ([, name, labels]) => [name, [...(labels ?? '').matchAll(/`(\w+)`/g)].map(([, label]) => label)],
  );
  expect(Object.fromEntries(listed)).toEqual(
    Object.fromEntries(Object.entries(GATEWAY_METRICS).map(([name, { labels }]) => [name, [...labels]])),
  );
});

it('docs/request-lifecycle.md lists the stages in the order of the pipeline', () => {
  const stages = [
    ...(
      /export const chatDecision([\s\S]*?)export const count/.exec(read('gateway/src/pipeline.ts'))?.[1] ?? ''
    ).matchAll(/\.use\((\w+)\)/g),
  ];
  const listed = [...read('docs/request-lifecycle.md').matchAll(/^\| \d+ \| `(\w+)` \|/gm)];
  expect(listed.map(([, name]) => name)).toEqual(stages.map(([, name]) => name));
});

it('every link between documents leads somewhere', () => {
  const documents = [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    ...readdirSync(join(ROOT, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
  for (const document of documents) {
    for (const [, target = ''] of read(document).matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      expect(existsSync(join(ROOT, document, '..', target)), `${document}: ${target}`).toBe(true);
    }
  }
});
