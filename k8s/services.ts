import { settingsShape as configCenter } from '../config-center/src/settings.ts';
import { settingsShape as frontend } from '../frontend/server/settings.ts';
import { settingsShape as gateway } from '../gateway/src/settings.ts';
import { settingsShape as mockLlm } from '../mock-llm/src/settings.ts';
import { settingsShape as tokenService } from '../token-service/src/settings.ts';

/** What deployments must agree on with a service's own code; for the tests of compose files, Dockerfiles and k8s. */
interface DeployedService {
  /** Port of the architecture, and the setting that holds it. */
  readonly port: number;
  readonly portVariable: string;
  /** The zod schema of its environment. */
  readonly settings: SettingsSchema;
}

interface SettingsSchema {
  /** Keys are the names of the environment variables. */
  readonly shape: Readonly<Record<string, unknown>>;
  safeParse(environment: unknown): { readonly error?: SettingsError | undefined };
}

interface SettingsError {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}

/** Every service, by workspace, which is also the name of its image, container and Kubernetes objects. */
export const SERVICES: Readonly<Record<string, DeployedService>> = {
  gateway: { port: 8081, portVariable: 'GATEWAY_PORT', settings: gateway },
  'config-center': { port: 8001, portVariable: 'CONFIG_CENTER_PORT', settings: configCenter },
  'token-service': { port: 8002, portVariable: 'TOKEN_SERVICE_PORT', settings: tokenService },
  frontend: { port: 8080, portVariable: 'FRONTEND_PORT', settings: frontend },
  'mock-llm': { port: 8003, portVariable: 'MOCK_LLM_PORT', settings: mockLlm },
};

/** Redis is not ours, but every deployment has one: what they must agree on. */
export const REDIS = {
  port: 6379,
  image: 'redis:7.4-alpine',
  options: {
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    maxmemory: '256mb',
    'maxmemory-policy': 'noeviction',
  },
} as const;

/** The options that a container's command gives redis-server, by name; the command may be a shell script. */
export function redisOptions(command: readonly string[]): Readonly<Record<string, string>> {
  const words = command.flatMap((part) => part.split(/\s+/)).map((word) => (word === "''" ? '' : word));
  const options = words.flatMap((word, index) =>
    word.startsWith('--') ? [[word.slice('--'.length), words[index + 1] ?? '']] : [],
  );
  return Object.fromEntries(options);
}

/** Variables of Dockerfiles and compose files that no settings schema knows. */
const OF_THE_RUNTIME = ['NODE_ENV'];

/**
 * What is wrong with an environment for a service: names that nothing reads, and values that its settings refuse.
 * Empty variables count as unset, as in the services. `*_API_KEY` variables are the secrets that rules may name.
 */
export function environmentFaults(
  { settings }: DeployedService,
  environment: Readonly<Record<string, string>>,
): readonly string[] {
  const unread = Object.keys(environment).filter(
    (name) => !(name in settings.shape) && !name.endsWith('_API_KEY') && !OF_THE_RUNTIME.includes(name),
  );
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const issues = settings.safeParse(given).error?.issues ?? [];
  return [
    ...unread.map((name) => `${name} is not read`),
    ...issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
  ];
}
