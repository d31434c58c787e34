import type { Received, Stage } from '../exchange.ts';
import { type Chat, parseChat } from '../protocols/openai-chat.ts';

/** Reads the chat request in the body. */
export const parseBody: Stage<Received, { readonly chat: Chat }> = ({ body, notes }) => {
  const chat = parseChat(body);
  notes.requestedModel = chat.requestedModel;
  notes.isStream = chat.isStream;
  notes.clientMaxTokens = chat.clientMax;
  notes.choices = chat.choices;
  return { chat };
};
