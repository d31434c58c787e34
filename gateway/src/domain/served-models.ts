import type { Model, ModelCapability, Provider, Snapshot } from '@ai-gateway/contracts';
import { isModel } from '@ai-gateway/limits';

/** A model as a provider serves it. */
export interface ServedModel {
  /** The name that limits, prices and allow lists go by. */
  readonly name: string;
  /** The name that the provider is sent. */
  readonly upstreamName: string;
  /** The name or the pattern by which it is listed: a client can make up any number of names that fit a pattern. */
  readonly listedName: string;
  readonly isExact: boolean;
  readonly row: Model | undefined;
}

/** What is known of a model, for requests to be held against. */
export interface ModelFacts {
  /** Output tokens per choice that the model can give, where that is known. */
  readonly maxOutputTokens: number | undefined;
  /** Tokens that input and output of one choice may have together, where that is known. */
  readonly contextTokens: number | undefined;
  /** Empty: nothing is known. */
  readonly capabilities: readonly ModelCapability[];
}

/** The facts of a row of models; of a model without one nothing is known. */
export function factsOfModel(row: Model | undefined): ModelFacts {
  const { maxOutputTokens, contextTokens, capabilities = [] } = row ?? {};
  return { maxOutputTokens, contextTokens, capabilities };
}

/** What one provider serves. */
export interface ServedModels {
  /** Exact names and aliases. */
  readonly exact: ReadonlyMap<string, ServedModel>;
  /** Names that are switched off, whatever the patterns say. */
  readonly disabled: ReadonlySet<string>;
  readonly patterns: readonly string[];
}

/** What each provider of a snapshot serves, by provider id: its own list of models, and the rows of models. */
export function servedModelsOf({ providers, models }: Snapshot): ReadonlyMap<string, ServedModels> {
  const rows = Map.groupBy(models, ({ providerId }) => providerId);
  return new Map(providers.map((provider) => [provider.id, servedBy(provider, rows.get(provider.id) ?? [])]));
}

/** The model that a provider serves under a name; undefined when it does not. */
export function findServed(served: ServedModels | undefined, name: string): ServedModel | undefined {
  if (served === undefined) return undefined;
  const exact = served.exact.get(name);
  if (exact !== undefined || served.disabled.has(name)) return exact;
  const pattern = served.patterns.find((each) => isModel(each, name));
  if (pattern === undefined) return undefined;
  return { name, upstreamName: name, listedName: pattern, isExact: false, row: undefined };
}

function servedBy(provider: Provider, rows: readonly Model[]): ServedModels {
  const exact = new Map<string, ServedModel>();
  for (const name of provider.models) {
    if (!name.endsWith('*')) exact.set(name, servedAs(name, undefined));
  }
  const disabled = new Set<string>();
  for (const row of rows) {
    for (const name of [row.name, ...row.aliases]) {
      if (row.isEnabled) exact.set(name, servedAs(row.name, row));
      else {
        exact.delete(name);
        disabled.add(name);
      }
    }
  }
  return { exact, disabled, patterns: provider.models.filter((name) => name.endsWith('*')) };
}

function servedAs(name: string, row: Model | undefined): ServedModel {
  return { name, upstreamName: row?.upstreamName ?? name, listedName: name, isExact: true, row };
}
