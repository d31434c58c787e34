import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Everything that is checked without running the product. Each check runs even when an earlier one failed. */
const ROOT = join(import.meta.dirname, '..');
const BIN = join(ROOT, 'node_modules/.bin');

/** Fewer modules than this means that dependency-cruiser did not see the code (it passes silently then). */
const LEAST_MODULES = 200;

interface Check {
  readonly name: string;
  readonly run: () => string | undefined;
}

const CHECKS: readonly Check[] = [
  { name: 'biome', run: () => failureOf('biome', ['check', '--error-on-warnings']) },
  { name: 'types of the services', run: () => failureOf('tsc', ['-p', '.']) },
  { name: 'types of the dashboard', run: () => failureOf('tsc', ['-p', 'frontend']) },
  { name: 'import rules', run: importRules },
  { name: 'unused code', run: () => failureOf('knip', []) },
  { name: 'generated files', run: generatedFiles },
];

/** Output of a tool that failed, or undefined. */
function failureOf(tool: string, parameters: readonly string[]): string | undefined {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(BIN, tool), ...parameters], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return status === 0 ? undefined : stdout + stderr;
}

function importRules(): string | undefined {
  const folders = [
    'contracts',
    'tokenizer',
    'limits',
    'gateway',
    'config-center',
    'token-service',
    'mock-llm',
    'gatewayctl',
    'frontend',
    'e2e',
    'bench',
    'scripts',
  ];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(BIN, 'depcruise'), '--config', '.dependency-cruiser.cjs', ...folders],
    {
      cwd: ROOT,
      encoding: 'utf8',
    },
  );
  const modules = Number(/\((\d+) modules/.exec(stdout)?.[1] ?? 0);
  if (status !== 0) return stdout + stderr;
  return modules < LEAST_MODULES
    ? `only ${modules} modules were read; at least ${LEAST_MODULES} are expected\n${stdout}`
    : undefined;
}

/** The OpenAPI document and the dashboard's client must be what the routes in contracts say. */
function generatedFiles(): string | undefined {
  const files = ['contracts/openapi.json', 'frontend/src/api/schema.d.ts'];
  const before = files.map((file) => readFileSync(join(ROOT, file), 'utf8'));
  const { status, stderr } = spawnSync('npm', ['run', '--silent', 'generate'], { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) return stderr;
  const changed = files.filter((file, index) => readFileSync(join(ROOT, file), 'utf8') !== before[index]);
  return changed.length === 0 ? undefined : `were out of date and have been written anew: ${changed.join(', ')}`;
}

let failures = 0;
for (const { name, run } of CHECKS) {
  const failure = run();
  process.stdout.write(`${failure === undefined ? 'ok    ' : 'FAILED'} ${name}\n`);
  if (failure === undefined) continue;
  process.stdout.write(`${failure}\n`);
  failures++;
}
process.exit(failures === 0 ? 0 : 1);
