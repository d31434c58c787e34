import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TokenUsage } from '../domain/outcome.ts';
import type { ModelChoice } from '../domain/resolve-model.ts';
import { type Comparison, compareInput, compareOutput, isComparable } from '../domain/token-drift.ts';
import type { Received, Stage } from '../exchange.ts';
import type { Chat } from '../protocols/openai-chat.ts';
import type { Services } from '../services.ts';
import { isContentLane } from '../streaming/chat-chunk.ts';
import { type InputCount, isWhole } from './count-input.ts';
import type { Metering } from './limit-output.ts';
import type { UpstreamCall } from './prepare-call.ts';

type Comparable = Received &
  InputCount &
  Metering & { readonly chat: Chat; readonly choice: ModelChoice; readonly call: UpstreamCall };

/**
 * Has own counts compared with what the provider reports, once the answer has gone out: the input where it was counted
 * anyway, the output in a sample, since it is counted for that alone.
 */
export const compareCounts: Stage<Comparable, object> = (exchange, services) => {
  exchange.defer(async ({ kind, usage }) => {
    if (kind !== 'completed' || usage.source !== 'provider') return;
    const { inputs, chat, choice, call } = exchange;
    // What the provider never saw was counted all the same.
    const input = call.dropped.length === 0 ? inputs.get(choice.resolvedModel) : undefined;
    const isSampled = services.random() < services.observations.outputShare;
    if (input === undefined && !isSampled) return;
    await nextTurn();
    if (input !== undefined && isWhole(chat)) note(compareInput(chat.body, input, usage), exchange, services);
    if (isSampled) note(await comparedOutput(exchange, usage), exchange, services);
  });
  return {};
};

async function comparedOutput({ meter, chat }: Comparable, usage: TokenUsage): Promise<Comparison | undefined> {
  const output = { choices: chat.choices, isContentOnly: meter.lanes().every(isContentLane) };
  if (!isComparable(output, usage)) return undefined;
  // A policy that insists on exact counts makes this fail while the token service is away.
  const own = await meter.total().catch(() => undefined);
  return own && compareOutput(output, own, usage);
}

function note(
  comparison: Comparison | undefined,
  { notes, choice }: Comparable,
  { metrics, observations }: Services,
): void {
  if (comparison === undefined) return;
  metrics.tokenDrift(notes.modelLabel, comparison);
  const { direction, counted, reported, ratio } = comparison;
  if (reported > 0) observations.note({ model: choice.resolvedModel, direction, counted, reported, ratio });
}
