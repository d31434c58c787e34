/** Anthropic's stop reason in the words of chat completions. */
const FINISH_REASONS: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

const STOP_REASONS: Readonly<Record<string, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  function_call: 'tool_use',
  content_filter: 'refusal',
};

/** `finish_reason` of chat completions for Anthropic's `stop_reason`. */
export function finishReasonOf(stopReason: unknown): string {
  return FINISH_REASONS[String(stopReason)] ?? 'stop';
}

/** Anthropic's `stop_reason` for `finish_reason` of chat completions; the provider's own word wins where it is one. */
export function stopReasonOf(finishReason: unknown, nativeReason: unknown): string {
  const native = String(nativeReason);
  // A cut changes the finish reason alone.
  if (finishReason !== 'length' && Object.hasOwn(FINISH_REASONS, native)) return native;
  return STOP_REASONS[String(finishReason)] ?? 'end_turn';
}
