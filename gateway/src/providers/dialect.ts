import type { PortkeyConfig } from '@ai-gateway/contracts';
import type { PortkeyRoute } from '../domain/compile-portkey.ts';
import type { ProtocolName } from '../protocols/client-protocol.ts';
import type { JsonObject } from '../protocols/json-fields.ts';
import type { Losses } from '../protocols/losses.ts';

/** What a provider is asked, in the form of chat completions. */
export interface ChatCall {
  /** The request in the form of chat completions, with the provider's name of the model. */
  readonly body: JsonObject;
  readonly model: string;
  readonly isStream: boolean;
  /** Most output tokens per choice; undefined = nobody names one. */
  readonly maxTokens: number | undefined;
}

/** A request in the provider's own form. */
export interface TranslatedCall {
  readonly body: JsonObject;
  /** What of the call has no place in it. */
  readonly losses: Losses;
}

/** Reads the events of a provider's stream as chunks of a chat completion stream. */
export interface StreamReader {
  /**
   * Takes one event without its blank line and returns whole events of chat completions, likewise.
   * @throws GatewayError `upstream_error` for what is no event of the dialect
   */
  read(event: string): readonly string[];
}

/** A target that a path is made for. */
export interface Address {
  readonly baseUrl: string;
  readonly model: string;
  readonly isStream: boolean;
}

/** What a Portkey gateway is told of a request beside its body. */
export interface PortkeyCall {
  readonly config: PortkeyConfig;
  /** Each with the key that is to be used. */
  readonly routes: readonly (Omit<PortkeyRoute, 'keys'> & { readonly secret: string | undefined })[];
  /** The model that is asked for. */
  readonly model: string;
  /** Who asks. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly traceId: string;
}

/** What the headers of a request are made of. */
export interface HeaderFacts {
  readonly secret: string | undefined;
  readonly isStream: boolean;
  /** Headers of the client; few are passed on. */
  readonly client: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Present where the provider is a Portkey gateway. */
  readonly portkey?: PortkeyCall | undefined;
}

/** What a translated answer says that the provider may not have said. */
export interface AnswerFacts {
  readonly nowSeconds: number;
  /** The provider's name of the model. */
  readonly model: string;
}

/** The translation between chat completions and a provider's own form. */
export interface Translation {
  path(address: Address, body: JsonObject): string;
  /** @throws GatewayError `invalid_request` for what the provider cannot do */
  request(call: ChatCall): TranslatedCall;
  answer(answer: JsonObject, facts: AnswerFacts): JsonObject;
  /** Undefined where the provider's streams are of chat completions already. */
  reader(facts: AnswerFacts): StreamReader | undefined;
}

/** The wire format of a provider: translation only, no I/O. */
export interface Dialect {
  /** Path of an operation in a protocol that the provider speaks itself; undefined = it does not. */
  nativePath(protocol: ProtocolName, address: Address): string | undefined;
  /** Path, and query if it has one of its own, of any other operation that is passed through untouched. */
  plainPath(baseUrl: string, operation: string): string;
  /** Headers of the dialect's own: authentication, version. */
  headers(facts: HeaderFacts): Record<string, string>;
  /** How requests of other protocols reach it. */
  readonly translation: Translation;
}
