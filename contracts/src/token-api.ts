import { z } from 'zod';

/** A chat message as clients send it; unknown fields are kept because templates may count them. */
export const countableMessage = z.looseObject({ role: z.string(), content: z.unknown().optional() });

/** `POST /calculate`: the chat form `{model, messages, tools?}` or the text form `{model_name, text}`. */
export const calculateRequest = z.union([
  z.object({
    model: z.string().min(1).max(200),
    messages: z.array(countableMessage).min(1).max(2048),
    tools: z.array(z.unknown()).max(512).optional(),
  }),
  z.object({ model_name: z.string().min(1).max(200), text: z.string() }),
]);

/** Answer of `POST /calculate`. `exact` is false when the model's real vocabulary or template is not known here. */
export const calculateResponse = z.object({
  success: z.literal(true),
  token_count: z.number().int().min(0),
  model: z.string(),
  exact: z.boolean(),
  vocabulary: z.string(),
});

/** `POST /batch-calculate`: up to 1,000 requests, answered in order; one bad item does not fail the others. */
export const batchCalculateRequest = z.object({ items: z.array(z.unknown()).min(1).max(1000) });
export const batchCalculateResponse = z.object({
  success: z.literal(true),
  results: z.array(z.union([calculateResponse, z.object({ success: z.literal(false), error: z.string() })])),
});

/**
 * `POST /cut`: counts a text and finds where it must end to stay within `max_tokens`.
 * Used by the gateway's stream meter, which sends only the part that is not final yet.
 */
export const cutRequest = z.object({
  model: z.string().min(1).max(200),
  text: z.string(),
  max_tokens: z.number().int().min(0),
  /** UTF-16 index of a prefix that is known to fit (it has been delivered); `cut_at` is never smaller. */
  from: z.number().int().min(0).default(0),
});

/**
 * `fits` = the whole text counts at most `max_tokens`.
 * `cut_at`: UTF-16 index of a prefix that counts at most `max_tokens` while one more code point would exceed it
 * (equal to the text's length when it fits). It never splits a surrogate pair.
 * `final_at` / `final_tokens`: the last UTF-16 index that no later text can move, and the exact tokens before it.
 */
export const cutResponse = z.object({
  success: z.literal(true),
  token_count: z.number().int().min(0),
  fits: z.boolean(),
  cut_at: z.number().int().min(0),
  cut_tokens: z.number().int().min(0),
  final_at: z.number().int().min(0),
  final_tokens: z.number().int().min(0),
  exact: z.boolean(),
  vocabulary: z.string(),
});

export type CalculateRequest = z.infer<typeof calculateRequest>;
export type CalculateResponse = z.infer<typeof calculateResponse>;
export type CutRequest = z.infer<typeof cutRequest>;
export type CutResponse = z.infer<typeof cutResponse>;
