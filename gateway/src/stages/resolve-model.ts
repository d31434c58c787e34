import { modelLabelOf } from '../domain/compile-snapshot.ts';
import { resolveModel as choiceOf, type ModelChoice } from '../domain/resolve-model.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import type { Matched } from './match-namespace.ts';

/** Which provider serves the model, and by what name. */
export const resolveModel: Stage<Received & Matched & { readonly chat: Chat }, { readonly choice: ModelChoice }> = ({
  config,
  chat,
  notes,
}) => {
  const choice = choiceOf(config, chat.requestedModel);
  notes.resolvedModel = choice.resolvedModel;
  notes.modelLabel = modelLabelOf(config, choice.resolvedModel);
  notes.provider = choice.provider.provider.name;
  return { choice };
};
