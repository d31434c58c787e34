import type { GatewayError } from '../domain/gateway-error.ts';
import type { JsonObject } from './json-fields.ts';
import type { Chat } from './openai-chat.ts';
import type { WireFormat } from './wire-format.ts';

/** A wire format that clients speak. */
export type ProtocolName =
  | 'openai-chat'
  | 'openai-completions'
  | 'openai-embeddings'
  | 'openai-responses'
  | 'anthropic-messages';

/** What a written answer says beside the model's words. */
export interface AnswerContext {
  readonly requestId: string;
  readonly chat: Chat;
  /** Own count of the input, where it is known before the provider reports. */
  readonly inputTokens: number;
  readonly nowSeconds: number;
}

/** Writes the events of one client stream from those of a chat completion stream, which may have been cut. */
export interface StreamWriter {
  /** Takes the data of one event: a parsed chunk or error. Returns whole events without their blank lines. */
  write(chunk: JsonObject): readonly string[];
  /** `[DONE]` has come: the stream is complete. */
  end(): readonly string[];
}

/** How a protocol's answers are written from chat completions. */
export interface AnswerWriter {
  plain(answer: JsonObject, context: AnswerContext): JsonObject;
  stream(context: AnswerContext): StreamWriter;
}

/** One of the wire formats in which clients ask and are answered. */
export interface ClientProtocol {
  readonly name: ProtocolName;
  /**
   * Reads a request.
   * @throws GatewayError `invalid_json`, `invalid_request`, `invalid_max_tokens`, each with the field at fault
   */
  parse(bytes: Uint8Array): Chat;
  /** The request for a provider that speaks this protocol itself: the client's own, with what the gateway decides. */
  upstreamBody(chat: Chat, resolvedModel: string, maxTokensPerChoice: number | undefined): string;
  /** How answers are counted and cut that come in this protocol. */
  readonly format: WireFormat;
  /** Undefined where the protocol is chat completions itself. */
  readonly writer: AnswerWriter | undefined;
  errorBody(error: GatewayError, requestId: string): object;
}
