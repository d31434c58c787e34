import { z } from 'zod';
import { modelName } from './model-name.ts';

/** A name by which conditions choose a target, and people a config. */
const slug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,49}$/, 'lower-case letters, digits, "-" and "_", 1 to 50 characters');

const onStatusCodes = z.array(z.number().int().min(400).max(599)).min(1).max(50);

/** How Portkey chooses among the targets of a config. */
const strategy = z.discriminatedUnion('mode', [
  z.object({ mode: z.literal('single') }),
  z.object({
    mode: z.literal('fallback'),
    /** Statuses after which the next target is asked; absent: every one that is no success. */
    onStatusCodes: onStatusCodes.optional(),
  }),
  /** By the weights of the targets. */
  z.object({ mode: z.literal('loadbalance') }),
  z.object({
    mode: z.literal('conditional'),
    /** The first whose query fits decides. */
    conditions: z
      .array(
        z.object({
          /** Fields `metadata.…` and `params.…`, each with a value or operators such as `$eq`, `$in`, `$gte`, `$regex`. */
          query: z.record(z.string().min(1).max(100), z.unknown()),
          /** Name of a target. */
          target: slug,
        }),
      )
      .min(1)
      .max(20),
    /** Name of the target where none fits. */
    default: slug,
  }),
]);

/** What may be set for all targets and for each of them. */
const settings = {
  /** Fields that Portkey sets in the body of the request. */
  overrideParams: z.record(z.string().min(1).max(100), z.unknown()).optional(),
  retry: z.object({ attempts: z.number().int().min(1).max(5), onStatusCodes: onStatusCodes.optional() }).optional(),
  /** Answers that Portkey keeps; they count and cost like any other. */
  cache: z
    .object({
      mode: z.enum(['simple', 'semantic']),
      maxAgeSeconds: z.number().int().min(60).max(7_776_000).optional(),
    })
    .optional(),
  /** How long Portkey waits for an answer, ms. */
  requestTimeoutMs: z.number().int().min(100).max(3_600_000).optional(),
};

/** Where Portkey may send a request: a provider of ours, whose base URL and key it is given. */
const target = z.object({
  name: slug.optional(),
  providerId: z.string(),
  /** Absent: the provider's enabled upstream of smallest priority. */
  upstreamId: z.string().optional(),
  /** As clients call it; absent: the model that is asked for. */
  model: modelName.optional(),
  /** Share of the requests with `loadbalance`. */
  weight: z.number().int().min(1).max(1000).default(1),
  ...settings,
});

/** A routing config for a provider of the dialect `portkey`; of its configs one at most is active (`isEnabled`). */
export const portkeyConfigShape = z.object({
  id: z.string(),
  /** The provider whose requests are routed by it. */
  providerId: z.string(),
  name: slug,
  description: z.string().max(500).default(''),
  isEnabled: z.boolean().default(true),
  strategy: strategy.default({ mode: 'single' }),
  targets: z.array(target).min(1).max(10),
  ...settings,
  /** Told to Portkey with every request, beside who asks. */
  metadata: z
    .record(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, 'letters, digits and _ . -'), z.string().max(128))
    .default({}),
});

export type PortkeyConfig = z.infer<typeof portkeyConfigShape>;
export type PortkeyTarget = PortkeyConfig['targets'][number];
type PortkeySettings = Pick<PortkeyConfig, keyof typeof settings>;

/** Fields of a request that limits, counts and policies have decided by: nothing behind the gateway may replace them. */
const DECIDED: ReadonlySet<string> = new Set([
  'best_of',
  'functions',
  'input',
  'max_completion_tokens',
  'max_output_tokens',
  'max_tokens',
  'messages',
  'model',
  'n',
  'prompt',
  'stream',
  'stream_options',
  'system',
  'tools',
]);

/** Longest config: with the keys of its targets it travels in a header, and servers take 16 KB of them in all. */
const MAX_CHARACTERS = 6_000;

const MAX_QUERY_DEPTH = 5;

const OPERATORS: ReadonlySet<string> = new Set(['$eq', '$ne', '$gt', '$gte', '$lt', '$lte', '$in', '$nin', '$regex']);

interface Fault {
  /** JSON path. */
  readonly path: string;
  readonly message: string;
}

/** Faults of a config beyond the shapes of its fields. */
export function portkeyConfigFaults(config: Omit<PortkeyConfig, 'id'>): readonly Fault[] {
  const { targets, providerId } = config;
  const names = targets.map(({ name }) => name);
  // In a header each character that is not ASCII takes six.
  const { length } = JSON.stringify(config).replaceAll(/[^ -~]/g, '\\u0000');
  const tooLong = { path: '', message: `It has ${length} characters, of at most ${MAX_CHARACTERS}.` };
  return [
    ...(length > MAX_CHARACTERS ? [tooLong] : []),
    ...strategyFaults(config),
    ...settingsFaults(config, ''),
    ...targets.flatMap((each, index) => {
      const path = `targets.${index}`;
      const isTwin = each.name !== undefined && names.indexOf(each.name) !== index;
      return [
        ...(isTwin ? [{ path: `${path}.name`, message: `There already is a target "${each.name}".` }] : []),
        ...(each.providerId === providerId
          ? [{ path: `${path}.providerId`, message: 'A Portkey gateway cannot send requests to itself.' }]
          : []),
        ...settingsFaults(each, `${path}.`),
      ];
    }),
  ];
}

function strategyFaults({ strategy: { mode, ...rest }, targets }: Omit<PortkeyConfig, 'id'>): readonly Fault[] {
  if (mode === 'single' && targets.length > 1) {
    return [{ path: 'strategy.mode', message: `"single" has one target, not ${targets.length}.` }];
  }
  if (!('conditions' in rest)) return [];
  const names = new Set(targets.map(({ name }) => name));
  const unknown = (path: string, name: string): Fault[] =>
    names.has(name) ? [] : [{ path: `strategy.${path}`, message: `There is no target "${name}".` }];
  return [
    ...rest.conditions.flatMap(({ query, target: name }, index) => [
      ...queryFaults(query, `strategy.conditions.${index}.query`, 1),
      ...unknown(`conditions.${index}.target`, name),
    ]),
    ...unknown('default', rest.default),
  ];
}

/** Fields of a query are paths into the metadata or the body; `$and` and `$or` hold lists of queries. */
function queryFaults(query: object, path: string, depth: number): readonly Fault[] {
  const entries = Object.entries(query);
  if (entries.length === 0) return [{ path, message: 'A query names a field.' }];
  if (depth > MAX_QUERY_DEPTH) return [{ path, message: `Queries are nested ${MAX_QUERY_DEPTH} deep at most.` }];
  return entries.flatMap(([field, value]): readonly Fault[] => {
    const isList = field === '$and' || field === '$or';
    if (isList && Array.isArray(value)) {
      return value.flatMap((each, index) => queryFaults(Object(each), `${path}.${field}.${index}`, depth + 1));
    }
    if (!isList && /^(metadata|params)\../.test(field)) return operatorFaults(value, `${path}.${field}`);
    return [
      { path: `${path}.${field}`, message: 'A query has fields metadata.… and params.…, or lists $and and $or.' },
    ];
  });
}

/** What a field must be: a value, or operators with their values. */
function operatorFaults(wanted: unknown, path: string): readonly Fault[] {
  if (typeof wanted !== 'object') return [];
  const unknown = Array.isArray(wanted) ? ['a list'] : Object.keys(wanted ?? {}).filter((name) => !OPERATORS.has(name));
  if (unknown.length === 0 && wanted !== null) return [];
  return [{ path, message: `A value, or one of ${[...OPERATORS].join(' ')}, not ${unknown[0] ?? 'null'}.` }];
}

function settingsFaults({ overrideParams = {} }: PortkeySettings, path: string): readonly Fault[] {
  const decided = Object.keys(overrideParams).filter((name) => DECIDED.has(name));
  return decided.map((name) => ({
    path: `${path}overrideParams.${name}`,
    message: `"${name}" is decided by the gateway; what it counts and allows would not hold.`,
  }));
}
