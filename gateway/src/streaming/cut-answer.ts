import type { TokenUsage } from '../domain/outcome.ts';
import type { JsonObject } from '../protocols/json-fields.ts';
import type { AnswerFormat } from '../protocols/wire-format.ts';
import type { StreamMeter } from './stream-meter.ts';

/** A plain answer as it may be delivered. */
export type CutAnswer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'cut'; readonly answer: JsonObject; readonly usage: TokenUsage };

/** What cutting one plain answer needs. */
export interface AnswerCut {
  readonly format: AnswerFormat;
  readonly meter: StreamMeter;
  /** Usage to report after a cut: input tokens and what is delivered. */
  readonly usageAfterCut: () => Promise<TokenUsage>;
}

/** Truncates a plain answer at the cap: the text that crosses it is shortened, later ones are emptied. */
export async function cutAnswer(answer: JsonObject, { format, meter, usageAfterCut }: AnswerCut): Promise<CutAnswer> {
  const metered = meter.offer(format.pieces(answer)) ?? (await meter.resolve());
  if (metered.kind === 'fits') return { kind: 'whole' };

  const allowed = new Map(metered.allowed.map(({ lane, text }) => [lane, text]));
  const usage = await usageAfterCut();
  return { kind: 'cut', usage, answer: format.cut(answer, allowed, usage) };
}
