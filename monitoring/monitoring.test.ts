import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GATEWAY_METRICS } from '@ai-gateway/contracts';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { partsOf } from './promql.ts';

const folder = import.meta.dirname;
const read = (file: string) => readFileSync(join(folder, file), 'utf8');
const readYaml = (file: string) => parse(read(file));

function promtool(...parameters: string[]) {
  const done = spawnSync('promtool', parameters, { cwd: folder, encoding: 'utf8' });
  if (done.error !== undefined) throw done.error;
  return { exitCode: done.status, output: `${done.stdout}${done.stderr}` };
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
}
const rules: Rule[] = readYaml('alerts.yml').groups.flatMap((group: { rules: Rule[] }) => group.rules);

interface Job {
  readonly job_name: string;
  readonly static_configs?: readonly { readonly targets: readonly string[] }[];
  readonly dns_sd_configs?: readonly {
    readonly names: readonly string[];
    readonly type: string;
    readonly port: number;
  }[];
}

/** Targets of a job as `host:port`, whether they are listed or looked up. */
function targetsOf({ static_configs = [], dns_sd_configs = [] }: Job): string[] {
  return [
    ...static_configs.flatMap(({ targets }) => targets),
    ...dns_sd_configs.flatMap(({ names, port }) => names.map((name) => `${name}:${port}`)),
  ];
}

/** Metrics of the config center and all labels that any of them has, as its source names them. */
function configCenterMetrics(): [string, readonly string[]][] {
  const source = readFileSync(join(folder, '../config-center/src/app.ts'), 'utf8');
  const labels = [...source.matchAll(/labelNames: \[([^\]]*)\]/g)].flatMap((match) => match[1]?.match(/\w+/g) ?? []);
  return [...source.matchAll(/'(config_center_\w+)'/g)].map((match) => [match[1] ?? '', labels]);
}

/** Names that Prometheus makes of each metric of the contract, with the labels they carry. */
function scrapedMetrics(): Map<string, readonly string[]> {
  const names = new Map<string, readonly string[]>([['up', []], ...configCenterMetrics()]);
  for (const [name, metric] of Object.entries(GATEWAY_METRICS)) {
    if (metric.kind !== 'histogram') names.set(name, metric.labels);
    else for (const ending of ['_bucket', '_sum', '_count']) names.set(name + ending, [...metric.labels, 'le']);
  }
  return names;
}

describe('the Prometheus configuration', () => {
  it.each(['prometheus.yml', 'prometheus.local.yml'])('%s is accepted by promtool, with its rules', (file) => {
    expect(promtool('check', 'config', file)).toMatchObject({ exitCode: 0 });
  });

  it('scrapes the three services every 15 s on the ports of the architecture', () => {
    const { global, scrape_configs } = readYaml('prometheus.yml');
    expect(global).toMatchObject({ scrape_interval: '15s', evaluation_interval: '15s', scrape_timeout: '10s' });
    expect(Object.keys(global.external_labels)).toEqual(['cluster', 'environment']);
    const targets = scrape_configs.map((job: Job) => [job.job_name, targetsOf(job)]);
    expect(targets).toEqual([
      ['gateway', ['gateway:8081']],
      ['config-center', ['config-center:8001']],
      ['token-service', ['token-service:8002']],
    ]);
  });

  it('scrapes each of several gateways, which the name of the service alone would mix up', () => {
    const [gateway] = readYaml('prometheus.yml').scrape_configs as Job[];
    expect(gateway?.static_configs).toBeUndefined();
    expect(gateway?.dns_sd_configs?.map(({ type }) => type)).toEqual(['A']);
  });

  it('is the same for local processes but for the hosts and the environment label', () => {
    const { scrape_configs, ...rest } = readYaml('prometheus.yml');
    const jobs = scrape_configs.map((job: Job) => {
      const { dns_sd_configs: _, ...others } = job;
      return { ...others, static_configs: [{ targets: targetsOf(job) }] };
    });
    const compose = JSON.stringify({ ...rest, scrape_configs: jobs });
    const local = JSON.stringify(readYaml('prometheus.local.yml'));
    expect(local).toBe(compose.replaceAll(/"[a-z-]+:(\d+)"/g, '"127.0.0.1:$1"').replace('"compose"', '"local"'));
  });
});

describe('the alerts', () => {
  it('are accepted by promtool', () => {
    expect(promtool('check', 'rules', 'alerts.yml')).toMatchObject({ exitCode: 0 });
  });

  it('fire when they should and are silent when they should be', () => {
    const { exitCode, output } = promtool('test', 'rules', 'alerts.test.yml');
    expect(exitCode, output).toBe(0);
  });

  it('are each tested to fire', () => {
    interface Case {
      readonly alertname: string;
      readonly exp_alerts: readonly unknown[];
    }
    const tests: { alert_rule_test: Case[] }[] = readYaml('alerts.test.yml').tests;
    const fired = tests.flatMap((test) => test.alert_rule_test).filter((test) => test.exp_alerts.length > 0);
    expect(new Set(fired.map((test) => test.alertname))).toEqual(new Set(rules.map((rule) => rule.alert)));
  });

  it.each(rules)('$alert reads only metrics and labels that exist', ({ expr }) => {
    const known = scrapedMetrics();
    const { metrics, labels } = partsOf(expr);
    expect(metrics.filter((name) => !known.has(name))).toEqual([]);
    const knownLabels = [...metrics.flatMap((name) => known.get(name) ?? []), 'job', 'instance'];
    expect(labels.filter((label) => !knownLabels.includes(label))).toEqual([]);
    expect(metrics.length).toBeGreaterThan(0);
  });
});

describe('partsOf', () => {
  it('reads metrics, selected labels and grouping labels, and nothing else', () => {
    const expression = `sum by (namespace, le) (rate(a_total{status=~"5..|foo_total",x!="1"}[5m]))
      / on (job) group_left max(b_seconds) > 0.05 and absent(up == 1) or vector(1)`;
    expect(partsOf(expression)).toEqual({
      metrics: ['a_total', 'b_seconds', 'up'],
      labels: ['namespace', 'le', 'job', 'status', 'x'],
    });
  });
});

describe('the folder', () => {
  it('holds no YAML that these tests do not read', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.yml'));
    expect(files.sort()).toEqual(['alerts.test.yml', 'alerts.yml', 'prometheus.local.yml', 'prometheus.yml']);
  });
});
