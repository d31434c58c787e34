import type { Caller } from '../domain/access.ts';
import { modelLabelOf } from '../domain/compile-snapshot.ts';
import { resolveModel as choiceOf, type ModelChoice } from '../domain/resolve-model.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import type { Matched } from './match-namespace.ts';

type Resolvable = Received & Matched & { readonly caller: Caller; readonly chat: Chat };

/** Which provider serves the model, and by what name. */
export const resolveModel: Stage<Resolvable, { readonly choice: ModelChoice }> = ({
  config,
  namespace,
  caller,
  located,
  chat,
  notes,
}) => {
  const choice = choiceOf(config, {
    requestedModel: chat.requestedModel,
    requestedProvider: chat.requestedProvider,
    namespace: namespace.namespace,
    keyModels: caller.kind === 'key' ? caller.allowedModels : [],
    location: located?.location,
  });
  notes.resolvedModel = choice.resolvedModel;
  notes.modelLabel = modelLabelOf(config, choice.resolvedModel);
  notes.provider = choice.provider.provider.name;
  return { choice };
};
