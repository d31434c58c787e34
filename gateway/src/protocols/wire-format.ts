import type { GatewayError } from '../domain/gateway-error.ts';
import type { TokenUsage } from '../domain/outcome.ts';
import type { JsonObject } from './json-fields.ts';

/** One piece of generated text and the place it belongs to: choice and kind (content, reasoning, a tool call's arguments). */
export interface TextPiece {
  readonly lane: string;
  readonly text: string;
}

/** What one event of a stream means to the relay. */
export type EventFacts =
  /** Nothing that counts: goes on as it came. */
  | { readonly kind: 'other' }
  /** The provider's own end of the stream. */
  | { readonly kind: 'end' }
  | { readonly kind: 'error'; readonly message: string }
  /** Generated text; `isHidden` = the client has not asked for the event, so it is taken out. */
  | { readonly kind: 'data'; readonly pieces: readonly TextPiece[]; readonly isHidden: boolean };

/** How one stream is read and ended in its wire format. It remembers what it has read. */
export interface StreamFormat {
  /** Reads one event, given without its blank line. */
  read(event: string): EventFacts;
  /** The event last read was let through. */
  accept(): void;
  /** What the provider has reported up to now, if it is sane. */
  usage(): TokenUsage | undefined;
  /** Has every part of the answer ended, so that only the end mark is missing? */
  isFinished(): boolean;
  /** Events that end a finished stream whose end mark is missing. */
  closing(): readonly string[];
  /** Events in place of the one last read, in which the cap falls: what is allowed of it, and a valid end. */
  cut(allowed: readonly TextPiece[], usage: TokenUsage): readonly string[];
  /** The event that reports an error; nothing follows it. */
  error(error: GatewayError, requestId: string): string;
}

/** What a stream was asked for. */
export interface StreamTerms {
  readonly choices: number;
  /** The client asked for the usage event; otherwise it is taken out. */
  readonly wantsUsage: boolean;
}

/** How a plain (not streamed) answer is read and shortened. */
export interface AnswerFormat {
  /** The generated texts in order. */
  pieces(answer: JsonObject): readonly TextPiece[];
  /** What the provider reports, if it is sane. */
  usage(answer: JsonObject): TokenUsage | undefined;
  /** The answer with each text replaced by what is allowed of it, marked as cut. */
  cut(answer: JsonObject, allowed: ReadonlyMap<string, string>, usage: TokenUsage): JsonObject;
}

/** A wire format in which answers are counted and cut. */
export interface WireFormat {
  stream(terms: StreamTerms): StreamFormat;
  readonly answer: AnswerFormat;
}
