import type { Addressed, Received, Stage } from '../exchange.ts';
import type { Chat } from '../protocols/openai-chat.ts';

/** Reads the request in the body, in the client's protocol. */
export const parseBody: Stage<Received & Addressed, { readonly chat: Chat }> = ({ body, notes, protocol }) => {
  const chat = protocol.parse(body);
  notes.requestedModel = chat.requestedModel;
  notes.isStream = chat.isStream;
  notes.clientMaxTokens = chat.clientMax;
  notes.choices = chat.choices;
  return { chat };
};
