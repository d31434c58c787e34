/** The most output tokens that a request may have over all its choices, and who says so. */
export interface OutputCap {
  readonly tokens: number;
  readonly setBy: { readonly kind: 'client' } | { readonly kind: 'policy'; readonly policyId: string };
}

export interface CapInput {
  /** What the client asked for, per choice. */
  readonly clientMax: number | undefined;
  readonly choices: number;
  readonly policies: readonly { readonly policyId: string; readonly maxOutputTokens: number | undefined }[];
}

/**
 * The smallest cap that applies. A client's maximum is per choice (OpenAI's meaning of `max_tokens`), a policy's is for
 * the whole request, so that `n` cannot multiply it. Undefined when nobody caps.
 */
export function outputCapOf({ clientMax, choices, policies }: CapInput): OutputCap | undefined {
  let cap: OutputCap | undefined =
    clientMax === undefined ? undefined : { tokens: clientMax * choices, setBy: { kind: 'client' } };
  for (const { policyId, maxOutputTokens } of policies) {
    if (maxOutputTokens === undefined) continue;
    if (cap === undefined || maxOutputTokens < cap.tokens) {
      cap = { tokens: maxOutputTokens, setBy: { kind: 'policy', policyId } };
    }
  }
  return cap;
}

/** The maximum per choice to ask of the provider, so that cutting is the exception. */
export function upstreamMaxOf(clientMax: number | undefined, cap: OutputCap | undefined): number | undefined {
  if (cap === undefined) return clientMax;
  return clientMax === undefined ? cap.tokens : Math.min(clientMax, cap.tokens);
}
