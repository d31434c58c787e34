import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

/** A real program that tests or benchmarks run against, and the Debian package that brings it. */
interface Component {
  readonly debianPackage: string;
  /** Programs that must be found in the search path. */
  readonly commands: readonly string[];
  readonly purpose: string;
}

const REDIS: Component = {
  debianPackage: 'redis-server',
  commands: ['redis-server'],
  purpose: 'keeps the shared limits in tests and benchmarks',
};

/** What each kind of run needs. `npm test` asks for `tests`; benchmarks for `bench`. */
export const COMPONENTS = {
  tests: [
    {
      debianPackage: 'prometheus',
      commands: ['prometheus', 'promtool'],
      purpose: 'scrapes the gateway in a test, and checks monitoring/',
    },
    REDIS,
    {
      debianPackage: 'mariadb-server',
      commands: ['mariadbd', 'mariadb-install-db'],
      purpose: 'keeps the rules in tests',
    },
    { debianPackage: 'chromium', commands: ['chromium'], purpose: 'opens the dashboard in the browser test' },
  ],
  bench: [
    { debianPackage: 'nginx-light', commands: ['nginx'], purpose: 'is the proxy that the gateway is compared with' },
    { debianPackage: 'wrk', commands: ['wrk'], purpose: 'makes the load' },
    REDIS,
  ],
} as const satisfies Record<string, readonly Component[]>;

export type ComponentGroup = keyof typeof COMPONENTS;

/** The machine as this script sees it. */
export interface Machine {
  /** Value of `PATH`. */
  readonly searchPath: string;
  readonly isRoot: boolean;
  /** Debian's switch against starting services: a script that says 101 to every start. */
  readonly servicePolicyFile: string;
  readonly say: (line: string) => void;
}

/**
 * Makes sure that the components of the groups are there: installs what is missing where that is possible (root and
 * apt-get), else says what to install. Returns whether all of them are there. Never leaves a service running.
 */
export function ensureComponents(groups: readonly ComponentGroup[], machine: Machine): boolean {
  const missing = missingComponents(groups, machine);
  if (missing.length === 0) return true;

  const packages = missing.map((component) => component.debianPackage);
  for (const { debianPackage, commands, purpose } of missing) {
    machine.say(`missing: ${commands.join(', ')} (Debian package ${debianPackage}), which ${purpose}`);
  }
  if (!machine.isRoot || findCommand('apt-get', machine) === undefined) {
    machine.say(
      `Install them, on Debian or Ubuntu with: sudo apt-get install --no-install-recommends ${packages.join(' ')}`,
    );
    return false;
  }

  withoutServices(machine, () => install(packages, machine));
  const stillMissing = missingComponents(groups, machine);
  for (const { debianPackage } of stillMissing) machine.say(`${debianPackage} could not be installed, see above.`);
  return stillMissing.length === 0;
}

function missingComponents(groups: readonly ComponentGroup[], machine: Machine): Component[] {
  const wanted = new Set(groups.flatMap((group): readonly Component[] => COMPONENTS[group]));
  return [...wanted].filter(({ commands }) => commands.some((command) => findCommand(command, machine) === undefined));
}

function findCommand(command: string, { searchPath }: Machine): string | undefined {
  return searchPath
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, command))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function install(packages: readonly string[], machine: Machine): void {
  machine.say(`Installing ${packages.join(', ')} …`);
  // An outdated list may still do, so a failed update does not end the attempt.
  aptGet(['update'], machine);
  aptGet(['install', '--yes', '--no-install-recommends', ...packages], machine);
}

function aptGet(parameters: readonly string[], machine: Machine): void {
  const program = findCommand('apt-get', machine) ?? 'apt-get';
  // Another process may hold the package database for a while.
  const done = spawnSync(program, ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...parameters], {
    env: { ...process.env, PATH: machine.searchPath, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  if (done.status === 0) return;
  machine.say(`apt-get ${parameters.join(' ')} failed (${done.error?.message ?? `exit code ${done.status}`}):`);
  machine.say(`${done.stdout ?? ''}${done.stderr ?? ''}`.trim());
}

/** Runs an installation during which no package may start its service. A policy of the machine's own stays as it is. */
function withoutServices({ servicePolicyFile }: Machine, work: () => void): void {
  if (existsSync(servicePolicyFile)) {
    work();
    return;
  }
  // Without a listener Ctrl-C would end this process at once and leave the policy file behind.
  const goOn = () => undefined;
  process.on('SIGINT', goOn);
  try {
    writeFileSync(servicePolicyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    work();
  } finally {
    rmSync(servicePolicyFile, { force: true });
    process.off('SIGINT', goOn);
  }
}

function isGroup(name: string): name is ComponentGroup {
  return name in COMPONENTS;
}

if (import.meta.main) {
  const names = process.argv.length > 2 ? process.argv.slice(2) : ['tests'];
  const groups = names.filter(isGroup);
  const say = (line: string) => process.stderr.write(`${line}\n`);
  if (groups.length < names.length) {
    say(`Which components? Any of: ${Object.keys(COMPONENTS).join(', ')}`);
    process.exit(2);
  }
  const isThere = ensureComponents(groups, {
    // Servers of Debian packages live in /usr/sbin, which not every shell searches.
    searchPath: `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/usr/bin`,
    isRoot: process.getuid?.() === 0,
    servicePolicyFile: '/usr/sbin/policy-rc.d',
    say,
  });
  process.exit(isThere ? 0 : 1);
}
