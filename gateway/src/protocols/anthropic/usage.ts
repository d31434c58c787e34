import { countIn, type JsonObject, objectIn } from '../json-fields.ts';

/**
 * Usage of chat completions for Anthropic's. OpenAI's `prompt_tokens` include what is cached; Anthropic counts what was
 * read from the cache and what was written to it beside `input_tokens`.
 */
export function chatUsage(usage: JsonObject): JsonObject {
  const { input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens } = usage;
  const written = countIn(cache_creation_input_tokens);
  const read = countIn(cache_read_input_tokens);
  const prompt = typeof input_tokens === 'number' ? input_tokens + written + read : undefined;
  const thinking = countIn(objectIn(usage.output_tokens_details)?.thinking_tokens);
  return {
    prompt_tokens: prompt,
    completion_tokens: output_tokens,
    total_tokens: (prompt ?? 0) + countIn(output_tokens),
    prompt_tokens_details: { cached_tokens: read, cache_creation_tokens: written },
    ...(thinking > 0 && { completion_tokens_details: { reasoning_tokens: thinking } }),
  };
}

/** Anthropic's usage for that of chat completions. */
export function messagesUsage(usage: JsonObject): JsonObject {
  const details = objectIn(usage.prompt_tokens_details);
  const prompt = countIn(usage.prompt_tokens);
  // DeepSeek names what it read from its cache in a field of its own.
  const read = Math.min(prompt, countIn(details?.cached_tokens) || countIn(usage.prompt_cache_hit_tokens));
  const written = Math.min(prompt - read, countIn(details?.cache_creation_tokens));
  return {
    input_tokens: prompt - read - written,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
    output_tokens: countIn(usage.completion_tokens),
  };
}
