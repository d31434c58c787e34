import type { TokenCounter } from '../services.ts';
import type { Cut } from '../streaming/stream-meter.ts';

const ROUGH = { exact: false, isRough: true } as const;

/** Tokens that templates add per message, on average. */
const MESSAGE_OVERHEAD = 4;

/**
 * Counts without a vocabulary: one token per three UTF-8 bytes of ASCII text, one per other character.
 * Deliberately high, so that caps and windows hold while the token service is away; always `exact: false`.
 */
export const estimateTokenCounter: TokenCounter = {
  async countChat(_model, { messages, tools }) {
    const text = messages.reduce<number>((sum, message) => sum + MESSAGE_OVERHEAD + estimate(textOf(message)), 0);
    return { tokens: text + (tools === undefined ? 0 : estimate(JSON.stringify(tools))), ...ROUGH };
  },
  tokensPerByte: () => 1,
  async cut(_model, text, maxTokens, from) {
    return estimatedCut(text, maxTokens, from);
  },
};

function estimatedCut(text: string, maxTokens: number, from: number): Cut {
  let weight = 0;
  let at = 0;
  let cut = { at: 0, weight: 0 };
  for (const character of text) {
    weight += weightOf(character);
    at += character.length;
    if (at <= from || Math.ceil(weight / 3) <= maxTokens) cut = { at, weight };
  }
  const tokens = Math.ceil(weight / 3);
  return {
    tokens,
    cutAt: cut.at,
    cutTokens: Math.ceil(cut.weight / 3),
    finalAt: at,
    finalTokens: tokens,
    ...ROUGH,
  };
}

function estimate(text: string): number {
  let weight = 0;
  for (const character of text) weight += weightOf(character);
  return Math.ceil(weight / 3);
}

/** Thirds of a token. */
function weightOf(character: string): number {
  return character.charCodeAt(0) < 0x80 ? 1 : 3;
}

function textOf(message: unknown): string {
  if (typeof message !== 'object' || message === null) return '';
  const { content } = message as { content?: unknown };
  return typeof content === 'string' ? content : JSON.stringify(content ?? '');
}
