import type { TokenUsage } from '../domain/outcome.ts';
import { type StreamChoice, textPieces, withTexts } from './chat-chunk.ts';
import { wireUsage } from './relay-chat.ts';
import type { StreamMeter } from './stream-meter.ts';

/** A plain (not streamed) chat completion, as far as it is read and rewritten. */
export interface ChatAnswer {
  readonly choices?: readonly StreamChoice[];
  readonly usage?: unknown;
  readonly [key: string]: unknown;
}

/** The answer as it may be delivered. */
export type CutAnswer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'cut'; readonly answer: ChatAnswer; readonly usage: TokenUsage };

/**
 * Truncates a plain answer at the cap, over all its choices in order: the text that crosses it is shortened, later ones
 * are emptied, and each choice that lost text ends with `length`.
 */
export async function cutAnswer(
  answer: ChatAnswer,
  meter: StreamMeter,
  usageAfterCut: () => Promise<TokenUsage>,
): Promise<CutAnswer> {
  const choices = Array.isArray(answer.choices) ? answer.choices : [];
  const pieces = choices.flatMap((choice) => textPieces(choice, choice?.message));
  const metered = meter.offer(pieces) ?? (await meter.resolve());
  if (metered.kind === 'fits') return { kind: 'whole' };

  const allowed = new Map(metered.allowed.map(({ lane, text }) => [lane, text]));
  const whole = new Map(pieces.map(({ lane, text }) => [lane, text]));
  const usage = await usageAfterCut();
  return {
    kind: 'cut',
    usage,
    answer: {
      ...answer,
      choices: choices.map((choice) => cutChoice(choice, allowed, whole)),
      usage: { ...(answer.usage as object | undefined), ...wireUsage(usage) },
    },
  };
}

function cutChoice(choice: StreamChoice, allowed: ReadonlyMap<string, string>, whole: ReadonlyMap<string, string>) {
  const message = (choice.message ?? {}) as Readonly<Record<string, unknown>>;
  const hasLost = textPieces(choice, message).some(({ lane }) => allowed.get(lane) !== whole.get(lane));
  if (!hasLost) return choice;
  return { ...choice, message: withTexts(choice, message, allowed), finish_reason: 'length' };
}
