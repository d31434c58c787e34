import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Deployment } from 'kubernetes-types/apps/v1.d.ts';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { environmentFaults, REDIS, redisOptions, SERVICES } from './services.ts';

const folder = import.meta.dirname;
const OVERLAYS = ['dev', 'prod'];

// biome-ignore lint/suspicious/noExplicitAny: manifests of many kinds; their types are checked by the compiler below
type Manifest = any;

const read = (path: string) => readFileSync(join(folder, path), 'utf8');
const manifestsIn = (path: string): Manifest[] => parseAllDocuments(read(path)).map((document) => document.toJS());
const kustomizationOf = (path: string): Manifest => parse(read(join(path, 'kustomization.yaml')));

/** All manifests of a kustomization and of those it builds on; patches and generators are not applied. */
function manifestsOf(path: string): Manifest[] {
  return kustomizationOf(path).resources.flatMap((resource: string) => {
    const target = join(path, resource);
    return resource.endsWith('.yaml') ? manifestsIn(target) : manifestsOf(target);
  });
}

/** Settings of an overlay: literals of the base, then its own. */
function settingsOf(overlay: string): Record<string, string> {
  const literals = ['base', `overlays/${overlay}`].flatMap((path) =>
    (kustomizationOf(path).configMapGenerator ?? []).flatMap((generator: Manifest) => generator.literals),
  );
  return Object.fromEntries(literals.map((literal: string) => literal.split(/=(.*)/s, 2)));
}

const REFERENCE = /\$\((\w+)\)/g;

/** A value of the secret that is more than a long text. */
const MASTER_KEYS = `first:${Buffer.alloc(32, 1).toString('base64')}`;

/**
 * Environment of a container; values that come from elsewhere stand in as 40 letters, or as master keys. `$(NAME)` is replaced as
 * Kubernetes does, by what is defined further up; what serves only for that is left out.
 */
function environmentOf(deployment: Manifest, overlay: string): Record<string, string> {
  const [container] = deployment.spec.template.spec.containers;
  const environment = settingsOf(overlay);
  const parts = new Set<string>();
  for (const { name, value } of container.env ?? []) {
    const elsewhere = name === 'SECRETS_KEYS' ? MASTER_KEYS : 'x'.repeat(40);
    environment[name] = (value ?? elsewhere).replaceAll(REFERENCE, (reference: string, part: string) => {
      parts.add(part);
      return environment[part] ?? reference;
    });
  }
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !parts.has(name)));
}

/** Names of the secret values without which a container does not start. */
function requiredSecretsOf(workload: Manifest): string[] {
  const references = workload.spec.template.spec.containers[0].env ?? [];
  return references
    .map((entry: Manifest) => entry.valueFrom?.secretKeyRef)
    .filter((reference: Manifest) => reference !== undefined && reference.optional !== true)
    .map((reference: Manifest) => reference.key);
}

/** Names of the secret values that patches of an overlay ask for. */
function patchedSecretsOf(overlay: string): string[] {
  const patches: Manifest[] = kustomizationOf(`overlays/${overlay}`).patches ?? [];
  return patches.flatMap(({ patch }) =>
    [...patch.matchAll(/secretKeyRef: \{[^}]*key: (\w+)/g)].map((match) => match[1]),
  );
}

const ofKind = (manifests: Manifest[], kind: string) => manifests.filter((manifest) => manifest.kind === kind);
const nameOf = (manifest: Manifest): string => manifest.metadata.name;

describe.each(OVERLAYS)('the overlay %s', (overlay) => {
  const manifests = manifestsOf(`overlays/${overlay}`);
  const deployments = ofKind(manifests, 'Deployment');
  const [redis] = ofKind(manifests, 'StatefulSet');
  const workloads = [...deployments, redis];
  const podsOf = (selector: Record<string, string>) =>
    workloads.filter((workload) =>
      Object.entries(selector).every(([key, value]) => workload.spec.template.metadata.labels[key] === value),
    );

  it('has each object once', () => {
    const names = manifests.map((manifest) => `${manifest.kind}/${nameOf(manifest)}`);
    expect(names).toEqual([...new Set(names)]);
  });

  it('deploys the services of the architecture, the fake provider only for development', () => {
    const expected = Object.keys(SERVICES).filter((name) => overlay === 'dev' || name !== 'mock-llm');
    expect(deployments.map(nameOf).sort()).toEqual(expected.sort());
  });

  it.each(deployments.map((deployment) => [nameOf(deployment), deployment] as const))(
    '%s gets an environment that its settings accept, and nothing that nobody reads',
    (name, deployment) => {
      const service = SERVICES[name]!;
      const everything = Object.assign({}, ...Object.values(SERVICES).map(({ settings }) => settings.shape));
      const environment = environmentOf(deployment, overlay);
      // The settings map is shared, so a service may be given what another one reads.
      const relevant = Object.fromEntries(
        Object.entries(environment).filter(([key]) => key in service.settings.shape || !(key in everything)),
      );
      expect(environmentFaults(service, relevant)).toEqual([]);
    },
  );

  it('generates the settings map and secrets that containers name', () => {
    const own = kustomizationOf(`overlays/${overlay}`);
    const generated = [...kustomizationOf('base').configMapGenerator, ...(own.secretGenerator ?? [])].map(
      (map) => map.name,
    );
    const named = JSON.stringify(workloads).matchAll(/"(?:configMapRef|secretKeyRef)":\{"name":"([^"]+)"/g);
    // The secrets of production are made by hand, from this template.
    const template = overlay === 'prod' ? manifestsIn('secret.example.yaml').map(nameOf) : [];
    expect([...generated, ...template].sort()).toEqual([...new Set([...named].map((match) => match[1]))].sort());
  });

  it('has every value of the secret that a container cannot do without', () => {
    const generated: string[] = (kustomizationOf(`overlays/${overlay}`).secretGenerator ?? []).flatMap(
      ({ literals }: Manifest) => literals.map((literal: string) => literal.split('=')[0]),
    );
    const held = overlay === 'prod' ? Object.keys(manifestsIn('secret.example.yaml')[0].stringData) : generated;
    expect(held.sort()).toEqual(
      [...new Set([...workloads.flatMap(requiredSecretsOf), ...patchedSecretsOf(overlay)])].sort(),
    );
  });

  it('keeps the counters of the limits: on a volume, never evicted, in the Redis of the compose files', () => {
    const [container] = redis.spec.template.spec.containers;
    expect(container.image).toBe(REDIS.image);
    expect(redisOptions(container.args)).toEqual(REDIS.options);
    expect(container.volumeMounts).toEqual([{ name: 'data', mountPath: '/data' }]);
    expect(redis.spec.volumeClaimTemplates.map(nameOf)).toEqual(['data']);
    // The user and group that the image of Redis has.
    expect(redis.spec.template.spec.securityContext).toMatchObject({ runAsUser: 999, runAsGroup: 1000, fsGroup: 1000 });
  });

  it('asks Redis for the password of the secret, and tells it by no argument', () => {
    const [container] = redis.spec.template.spec.containers;
    expect(container.env.map((entry: Manifest) => [entry.name, entry.valueFrom.secretKeyRef.key])).toEqual([
      ['REDISCLI_AUTH', 'REDIS_PASSWORD'],
    ]);
    expect(container.args.at(-1)).toMatch(/ - <<END\nrequirepass "\$REDISCLI_AUTH"\nEND\n$/);
  });

  it('leads the gateway to Redis, with the password of the secret', () => {
    const gateway = deployments.find((deployment) => nameOf(deployment) === 'gateway');
    const service = ofKind(manifests, 'Service').find((candidate) => nameOf(candidate) === 'redis');
    expect(environmentOf(gateway, overlay).REDIS_URL).toBe(`redis://:${'x'.repeat(40)}@redis:${REDIS.port}/0`);
    expect(requiredSecretsOf(gateway)).toContain('REDIS_PASSWORD');
    expect(podsOf(service.spec.selector)).toEqual([redis]);
    expect(redis.spec.serviceName).toBe('redis');
    expect(redis.spec.selector.matchLabels).toEqual(redis.spec.template.metadata.labels);
    expect(redis.spec.template.spec.containers[0].ports).toEqual([{ name: 'redis', containerPort: REDIS.port }]);
    expect(service.spec.ports).toEqual([{ name: 'redis', port: REDIS.port, targetPort: 'redis' }]);
  });

  it('has for each deployment a service on its port that reaches its pods', () => {
    for (const deployment of deployments) {
      const name = nameOf(deployment);
      const service = ofKind(manifests, 'Service').find((candidate) => nameOf(candidate) === name);
      expect(podsOf(service.spec.selector).map(nameOf)).toEqual([name]);
      expect(deployment.spec.selector.matchLabels).toEqual(deployment.spec.template.metadata.labels);
      const [container] = deployment.spec.template.spec.containers;
      expect(container.ports).toEqual([{ name: 'http', containerPort: SERVICES[name]!.port }]);
      expect(service.spec.ports).toEqual([{ name: 'http', port: SERVICES[name]!.port, targetPort: 'http' }]);
    }
  });

  it('points budgets, autoscalers and ingresses at what exists', () => {
    for (const budget of ofKind(manifests, 'PodDisruptionBudget')) {
      const [deployment] = podsOf(budget.spec.selector.matchLabels);
      const [scaler] = ofKind(manifests, 'HorizontalPodAutoscaler').filter(
        (each) => each.spec.scaleTargetRef.name === nameOf(deployment),
      );
      // A budget over a single replica would block every drain of a node.
      expect(scaler?.spec.minReplicas ?? deployment.spec.replicas).toBeGreaterThan(budget.spec.minAvailable);
    }
    const patches: Manifest[] = kustomizationOf(`overlays/${overlay}`).patches ?? [];
    for (const scaler of ofKind(manifests, 'HorizontalPodAutoscaler')) {
      const { name } = scaler.spec.scaleTargetRef;
      const deployment = deployments.find((candidate) => nameOf(candidate) === name);
      // SQLite, which the base has, allows one.
      expect(deployment.spec.replicas).toBe(name === 'config-center' ? 1 : scaler.spec.minReplicas);
      // Else every apply would set the autoscaler's number back.
      const patch = patches.find(({ target }) => target?.kind === 'Deployment' && target.name === name);
      expect(parse(patch.patch)).toEqual([{ op: 'remove', path: '/spec/replicas' }]);
    }
    const backends = [...JSON.stringify(ofKind(manifests, 'Ingress')).matchAll(/"service":\{"name":"([^"]+)"/g)];
    const services = ofKind(manifests, 'Service').map(nameOf);
    expect(backends.length).toBeGreaterThan(0);
    expect(backends.filter((match) => !services.includes(match[1] ?? ''))).toEqual([]);
  });

  it('names only images that the deployments use, each with a tag', () => {
    const images: Manifest[] = kustomizationOf(`overlays/${overlay}`).images;
    const used = deployments.map((deployment) => deployment.spec.template.spec.containers[0].image);
    expect(images.map((image) => image.name).sort()).toEqual(used.sort());
    expect(images.every((image) => typeof image.newTag === 'string' && image.newTag !== 'latest')).toBe(true);
  });

  it('runs every container without root, on a read-only disk, within limits, with all probes', () => {
    for (const workload of workloads) {
      const pod = workload.spec.template.spec;
      const [container] = pod.containers;
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.resources.requests).toEqual({ cpu: expect.any(String), memory: expect.any(String) });
      expect(container.resources.limits.memory).toEqual(expect.any(String));
      expect(container.startupProbe).toBeDefined();
      if (workload === redis) continue;
      const hasBoth = ['gateway', 'config-center'].includes(nameOf(workload));
      expect(container.readinessProbe.httpGet.path).toBe(hasBoth ? '/readyz' : '/health');
      expect(container.livenessProbe.httpGet.path).toBe(hasBoth ? '/livez' : '/health');
    }
  });

  it('asks Redis for its health as docker compose does', () => {
    const [container] = redis.spec.template.spec.containers;
    const { healthcheck } = parse(read('../docker-compose.yml')).services.redis;
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
      expect(probe.exec.command).toEqual(['sh', '-c', healthcheck.test.at(-1)]);
    }
  });

  // Kubernetes sets GATEWAY_PORT=tcp://10.0.0.1:8081 for a service named gateway, which no settings schema accepts.
  it('keeps the variables that Kubernetes makes of service names away from settings', () => {
    for (const workload of workloads) expect(workload.spec.template.spec.enableServiceLinks).toBe(false);
  });

  // Rules live in one SQLite file for development, counters in one Redis.
  it('runs Redis once, and several config centers only over MySQL', () => {
    const single = workloads.filter((workload) => ['config-center', 'redis'].includes(nameOf(workload)));
    expect(single.map((workload) => workload.spec.replicas)).toEqual([1, 1]);
    const scalers = ofKind(manifests, 'HorizontalPodAutoscaler');
    expect(scalers.filter((scaler) => scaler.spec.scaleTargetRef.name === 'redis')).toEqual([]);
    const [scaler] = scalers.filter((each) => each.spec.scaleTargetRef.name === 'config-center');
    expect(patchedSecretsOf(overlay)).toEqual(overlay === 'prod' ? ['DATABASE_URL'] : []);
    if (overlay === 'dev') {
      expect(scaler).toBeUndefined();
      return;
    }
    const metrics = scaler.spec.metrics.map(({ resource }: Manifest) => [
      resource.name,
      resource.target.averageUtilization,
    ]);
    expect([scaler.spec.minReplicas, scaler.spec.maxReplicas, metrics]).toEqual([
      2,
      10,
      [
        ['cpu', 70],
        ['memory', 80],
      ],
    ]);
  });

  it('patches only what is there', () => {
    const strategic = (kustomizationOf(`overlays/${overlay}`).patches ?? []).filter(({ target }: Manifest) => !target);
    for (const { patch } of strategic) {
      const { kind, metadata, spec } = parse(patch);
      const [patched] = ofKind(manifests, kind).filter((manifest) => nameOf(manifest) === metadata.name);
      expect(patched).toBeDefined();
      for (const container of spec?.template.spec.containers ?? []) {
        const [present] = patched.spec.template.spec.containers;
        expect(container.name).toBe(present.name);
        const names = present.env.map((entry: Manifest) => entry.name);
        for (const { name } of container.env) expect(names).toContain(name);
      }
    }
  });

  it('runs several gateways, each under the name of its pod, more of them under load in production', () => {
    const gateway = deployments.find((deployment) => nameOf(deployment) === 'gateway');
    expect(gateway.spec.replicas).toBeGreaterThan(1);
    expect(gateway.spec.template.spec.containers[0].env).toContainEqual({
      name: 'GATEWAY_ID',
      valueFrom: { fieldRef: { fieldPath: 'metadata.name' } },
    });
    expect(ofKind(manifests, 'PodDisruptionBudget').map(nameOf)).toContain('gateway');
    const scaled = ofKind(manifests, 'HorizontalPodAutoscaler').map((scaler) => scaler.spec.scaleTargetRef.name);
    expect(scaled.includes('gateway')).toBe(overlay === 'prod');
  });

  it('gives the gateway time to drain before it is killed', () => {
    const pod = deployments.find((deployment) => nameOf(deployment) === 'gateway').spec.template.spec;
    const preStopSeconds = 5;
    expect(JSON.stringify(pod.containers[0].lifecycle)).toContain(String(preStopSeconds * 1000));
    const drainSeconds = Number(settingsOf(overlay).DRAIN_SECONDS);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(preStopSeconds + drainSeconds);
  });

  it('lets the gateway reach the inside of the cluster only where the fake provider is in it', () => {
    const hasMock = deployments.some((deployment) => nameOf(deployment) === 'mock-llm');
    const gateway = deployments.find((deployment) => nameOf(deployment) === 'gateway');
    const { UPSTREAM_ALLOW_PRIVATE = 'true' } = environmentOf(gateway, overlay);
    expect(UPSTREAM_ALLOW_PRIVATE).toBe(String(hasMock));
  });

  it('keeps what is for the inside only away from the ingresses', () => {
    const paths = ofKind(manifests, 'Ingress').flatMap((ingress) =>
      ingress.spec.rules.flatMap((rule: Manifest) =>
        rule.http.paths.map((entry: Manifest) => [entry.backend.service.name, entry.path]),
      ),
    );
    const allowed = {
      gateway: ['/v1', '/api/chat'],
      'config-center': ['/api', '/docs', '/openapi.json'],
      frontend: ['/'],
    };
    for (const [service, path] of paths) expect(allowed[service as keyof typeof allowed]).toContain(path);
  });

  const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
  it.runIf(hasKubectl)('is built by the real kustomize, where kubectl is installed', () => {
    const done = spawnSync('kubectl', ['kustomize', join(folder, 'overlays', overlay)], { encoding: 'utf8' });
    expect(done.stderr).toBe('');
    const built: Manifest[] = parseAllDocuments(done.stdout).map((document) => document.toJS());
    expect(ofKind(built, 'Deployment').map(nameOf).sort()).toEqual(deployments.map(nameOf).sort());
    expect(ofKind(built, 'StatefulSet').map(nameOf)).toEqual(['redis']);
    // Generated secrets get another name; every reference has to follow.
    const secrets = [...new Set(JSON.stringify(built).match(/(?<="secretKeyRef":\{[^}]*"name":")[^"]+/g))];
    expect(secrets).toEqual(overlay === 'prod' ? ['ai-gateway-secrets'] : ofKind(built, 'Secret').map(nameOf));
    expect(typeFaults(built)).toEqual([]);
  });
});

describe('the manifests', () => {
  it('are all used', () => {
    const files = (path: string) => readdirSync(join(folder, path)).filter((name) => name.endsWith('.yaml'));
    for (const path of ['base', ...OVERLAYS.map((overlay) => `overlays/${overlay}`)]) {
      const listed = kustomizationOf(path).resources.filter((resource: string) => resource.endsWith('.yaml'));
      expect(['kustomization.yaml', ...listed].sort()).toEqual(files(path).sort());
    }
    expect(files('.')).toEqual(['secret.example.yaml']);
  });

  it('have only fields that Kubernetes knows, of the right types', () => {
    const files = ['base', ...OVERLAYS.map((overlay) => `overlays/${overlay}`)].flatMap((path) =>
      kustomizationOf(path)
        .resources.filter((resource: string) => resource.endsWith('.yaml'))
        .map((name: string) => join(path, name)),
    );
    expect(typeFaults([...files, 'secret.example.yaml'].flatMap(manifestsIn))).toEqual([]);
  });

  it('would not pass with a misspelt field or a wrong type', () => {
    const deployment: Deployment = manifestsIn('base/gateway.yaml')[0];
    const misspelt = { ...deployment, spec: { ...deployment.spec, readinesProbe: {} } };
    const mistyped = { ...deployment, spec: { ...deployment.spec, replicas: '1' } };
    const faults = typeFaults([deployment, misspelt, mistyped]).join('\n');
    expect(faults).toContain('readinesProbe');
    expect(faults).toContain("Type 'string' is not assignable to type 'number'");
  });

  it('put placeholders in the secret template that the services refuse', () => {
    const [secret] = manifestsIn('secret.example.yaml');
    const faults = environmentFaults(SERVICES.gateway!, secret.stringData);
    expect(faults.map((fault) => fault.split(':')[0]).sort()).toEqual(
      expect.arrayContaining(['GATEWAY_TOKEN', 'KEY_PEPPER', 'SECRETS_KEYS']),
    );
  });
});

/** Compiles manifests as literals of the types of the Kubernetes API: an unknown field is a compile error. */
function typeFaults(manifests: Manifest[]): string[] {
  const source = manifests
    .map((manifest, index) => {
      const group = manifest.apiVersion.replace('.k8s.io', '').replace(/^v1$/, 'core/v1');
      return `import type { ${manifest.kind} as T${index} } from 'kubernetes-types/${group}';
        export const m${index}: T${index} = ${JSON.stringify(manifest)};`;
    })
    .join('\n');
  const file = join(folder, 'manifests.virtual.ts');
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.getSourceFile = (name, version) =>
    name === file ? ts.createSourceFile(name, source, version) : getSourceFile.call(host, name, version);
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}
