import type { RequestView } from '@ai-gateway/contracts';
import type { CompiledConfig, CompiledNamespace } from '../domain/compile-snapshot.ts';
import { GatewayError } from '../domain/gateway-error.ts';
import { matchedFieldsOf } from '../domain/matched-fields.ts';
import { selectMatcher } from '../domain/select-namespace.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Chat } from '../protocols/openai-chat.ts';

/** The rules that the request is judged by from here on, and the namespace they put it in. */
export interface Matched {
  readonly config: CompiledConfig;
  readonly namespace: CompiledNamespace;
  readonly view: RequestView;
}

/** Finds the namespace. A header that rules read must be unambiguous, so sending it twice is refused. */
export const matchNamespace: Stage<Received & { readonly chat?: Chat }, Matched> = (exchange, { config, metrics }) => {
  const rules = config.current();
  if (rules === undefined)
    throw new GatewayError('overloaded', { message: 'The gateway has no rules yet.', retryAfterMs: 1000 });
  exchange.notes.revision = rules.revision;
  refuseAmbiguity(exchange.repeatedHeaders, rules);

  const { headers, query, path, chat, notes } = exchange;
  const view = { headers, query, path, body: chat?.original };
  const matcher = selectMatcher(rules, view);
  notes.matched = matchedFieldsOf(rules.recordedFields, view);
  const namespace = matcher === undefined ? undefined : rules.namespaces.get(matcher.namespaceId);
  if (namespace === undefined) throw new GatewayError('namespace_not_found');

  const { id, code, isEnabled } = namespace.namespace;
  notes.namespaceId = id;
  notes.namespace = code;
  notes.matcherId = matcher && rules.matchers[matcher.rank]?.id;
  if (!isEnabled) throw new GatewayError('namespace_disabled');

  metrics.started(id, code);
  exchange.defer(() => metrics.ended(id, code));
  return { config: rules, namespace, view };
};

function refuseAmbiguity(repeated: ReadonlySet<string>, rules: CompiledConfig): void {
  for (const name of repeated) {
    if (!rules.decidingHeaders.has(name)) continue;
    throw new GatewayError('invalid_request', { message: `The header ${name} was sent more than once.`, param: name });
  }
}
