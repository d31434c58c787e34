import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMPONENTS, ensureComponents, type Machine } from './ensure-components.ts';

let folder: string;
let said: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'components-'));
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const machine = (isRoot: boolean): Machine => ({
  searchPath: folder,
  isRoot,
  servicePolicyFile: join(folder, 'policy-rc.d'),
  say: (line) => said.push(line),
});

function program(name: string, script = ''): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

/** A package manager that writes down how it was called, and installs the named programs. */
function fakeAptGet(installs: readonly string[], exitCode = 0): void {
  const touch = installs.map((name) => `: > ${folder}/${name}; /bin/chmod 755 ${folder}/${name}`).join('; ');
  program(
    'apt-get',
    `echo "$* frontend=$DEBIAN_FRONTEND policy=$(${folder}/policy-rc.d; echo $?)" >> ${folder}/calls
     case "$*" in *install*) ${touch === '' ? ':' : touch}; exit ${exitCode};; esac`,
  );
}

describe('ensureComponents', () => {
  it('says nothing and is quick when everything is there', () => {
    for (const command of COMPONENTS.tests.flatMap((component) => component.commands)) program(command);
    const started = performance.now();
    expect(ensureComponents(['tests'], machine(true))).toBe(true);
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(said).toEqual([]);
  });

  it('installs only what is missing, updating once, with services forbidden meanwhile', () => {
    program('prometheus');
    program('promtool');
    program('redis-server');
    program('mariadbd');
    program('mariadb-install-db');
    fakeAptGet(['chromium']);
    expect(ensureComponents(['tests'], machine(true))).toBe(true);
    const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
    expect(calls).toEqual([
      '-qq -o DPkg::Lock::Timeout=300 update frontend=noninteractive policy=101',
      '-qq -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends chromium frontend=noninteractive policy=101',
    ]);
    expect(existsSync(join(folder, 'policy-rc.d'))).toBe(false);
  });

  it('leaves a service policy of the machine as it was', () => {
    program('policy-rc.d', 'exit 101 # own');
    fakeAptGet(COMPONENTS.tests.flatMap((component) => component.commands));
    expect(ensureComponents(['tests'], machine(true))).toBe(true);
    expect(readFileSync(join(folder, 'policy-rc.d'), 'utf8')).toContain('# own');
  });

  it('fails and shows why when the installation fails', () => {
    fakeAptGet([], 100);
    expect(ensureComponents(['bench'], machine(true))).toBe(false);
    expect(said.join('\n')).toMatch(/exit code 100[\s\S]*nginx-light could not be installed[\s\S]*wrk could not/);
  });

  it.each([
    ['without root', false, true],
    ['without apt-get', true, false],
  ])('%s says exactly what to install and fails', (_, isRoot, hasApt) => {
    if (hasApt) fakeAptGet([]);
    expect(ensureComponents(['tests', 'bench'], machine(isRoot))).toBe(false);
    expect(said.at(-1)).toContain(
      'sudo apt-get install --no-install-recommends prometheus redis-server mariadb-server chromium nginx-light wrk',
    );
    expect(existsSync(join(folder, 'calls'))).toBe(false);
  });

  it('refuses a group that it does not know', () => {
    const script = new URL('ensure-components.ts', import.meta.url).pathname;
    const done = spawnSync(process.execPath, [script, 'everything'], { encoding: 'utf8' });
    expect(done.status).toBe(2);
    expect(done.stderr).toContain('tests, bench');
  });
});
