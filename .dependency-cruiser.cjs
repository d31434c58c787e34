/** Who may import whom; docs/architecture.md has the picture. */
const SERVICES = 'gateway|config-center|token-service|mock-llm|gatewayctl|frontend';
const TESTS = '\\.test\\.ts$|\\.contract\\.ts$|^[^/]+/test/|^e2e/|^bench/';

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    rule('no-cycles', 'A cycle has no first file to understand.', {}, { circular: true }),
    rule(
      'no-orphans',
      'A file that nobody imports is deleted.',
      { orphan: true, pathNot: `${TESTS}|main\\.tsx?$|\\.config\\.ts$|^scripts/|\\.d\\.ts$|/scripts/|worker\\.ts$` },
      {},
    ),
    rule(
      'services-meet-only-in-contracts',
      'Services talk over the network; what they share is in contracts.',
      { path: `^(${SERVICES})/`, pathNot: TESTS },
      { path: `^(${SERVICES})/`, pathNot: '^$1/' },
    ),
    rule(
      'contracts-know-no-service',
      'Contracts import nothing of ours.',
      { path: '^contracts/' },
      { path: `^(${SERVICES})/` },
    ),
    rule(
      'contracts-use-only-listed-packages',
      'Contracts are loaded everywhere, so they stay small.',
      { path: '^contracts/src/', pathNot: `${TESTS}|^contracts/src/secrets/` },
      { dependencyTypes: ['npm', 'npm-no-pkg', 'core'], pathNot: 'node_modules/(zod|re2js)/' },
    ),
    rule(
      'secrets-use-only-crypto',
      'Encryption and signatures take data and return data.',
      { path: '^contracts/src/secrets/', pathNot: TESTS },
      { dependencyTypes: ['npm', 'npm-no-pkg', 'core'], pathNot: 'node_modules/zod/|^(node:)?crypto$' },
    ),
    rule(
      'contracts-do-not-load-crypto',
      'Browsers load the contracts, and have no node:crypto.',
      { path: '^contracts/src/', pathNot: `${TESTS}|^contracts/src/secrets/` },
      { path: '^contracts/src/secrets/' },
    ),
    rule(
      'the-tokenizer-stands-alone',
      'Counting is shared by the services that count, and knows none of them.',
      { path: '^tokenizer/src/', pathNot: TESTS },
      { pathNot: '^tokenizer/src/', dependencyTypesNot: ['core'] },
    ),
    rule(
      'limits-are-pure',
      'Deciding about limits is shared by gateways and simulations, and gets time and state as arguments.',
      { path: '^limits/src/', pathNot: TESTS },
      { pathNot: '^(limits|contracts)/src/' },
    ),
    rule(
      'domain-is-pure',
      'The domain gets time, randomness and data as arguments.',
      { path: '^gateway/src/domain/', pathNot: TESTS },
      { pathNot: '^(gateway/src/domain|limits/src|contracts/src)/' },
    ),
    rule(
      'wire-formats-are-pure',
      'Wire formats translate and do nothing else.',
      { path: '^gateway/src/(protocols|providers|streaming)/', pathNot: TESTS },
      { pathNot: '^(gateway/src/(domain|protocols|providers|streaming)|limits/src|contracts/src)/|node_modules/zod/' },
    ),
    rule(
      'stages-see-ports-not-adapters',
      'A stage calls ports; what is behind them is not its business.',
      { path: '^gateway/src/stages/', pathNot: TESTS },
      { path: '^gateway/src/(adapters|http)/|^gateway/src/(main|pipeline)\\.ts$|node_modules/' },
    ),
    rule(
      'adapters-know-only-ports-and-domain',
      'An adapter binds one technology to one port; limits compose stores and know no more.',
      { path: '^gateway/src/(adapters|limits)/', pathNot: TESTS },
      { path: '^gateway/src/(stages|http)/|^gateway/src/(main|pipeline)\\.ts$' },
    ),
    rule(
      'only-main-wires-adapters',
      'One file knows which adapter is used.',
      { path: '^gateway/src/', pathNot: `^gateway/src/(main\\.ts$|adapters/)|${TESTS}` },
      { path: '^gateway/src/adapters/' },
    ),
    rule(
      'only-main-wires-limits',
      'Stages see the interface in services.ts.',
      { path: '^gateway/src/', pathNot: `^gateway/src/(main\\.ts$|limits/)|${TESTS}` },
      { path: '^gateway/src/limits/' },
    ),
    rule(
      'features-do-not-import-features',
      'Features of the dashboard meet in components and api.',
      { path: '^frontend/src/features/([^/]+)/', pathNot: TESTS },
      { path: '^frontend/src/features/([^/]+)/', pathNot: '^frontend/src/features/$1/' },
    ),
    rule(
      'no-test-code-in-production',
      'Tests know the code, not the other way round.',
      { path: '/src/', pathNot: TESTS },
      { path: TESTS },
    ),
    rule(
      'packages-are-declared-where-used',
      'What is imported is in the package.json beside it.',
      { path: `^(contracts|tokenizer|limits|${SERVICES})/`, pathNot: `${TESTS}|^frontend/(src|vite\\.config)` },
      { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], pathNot: 'node_modules/@types/' },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(frontend/dist|coverage|data)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
