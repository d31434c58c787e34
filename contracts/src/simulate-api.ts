import { z } from 'zod';

/** Counts of replayed requests, and beside them what really happened to the same ones. */
export const simulatedCounts = z.object({
  requests: z.number().int(),
  /** Would be refused, by a limit or a cap of the input. */
  refused: z.number().int(),
  /** Would stand in line before they are admitted, and how long all of them together. */
  waited: z.number().int(),
  waitedMs: z.number(),
  /** Would end early at a cap or a full window, and the output tokens lost by it. */
  cut: z.number().int(),
  tokensLost: z.number().int(),
  actual: z.object({
    refused: z.number().int(),
    waited: z.number().int(),
    waitedMs: z.number(),
    cut: z.number().int(),
  }),
});

/** What drafts would have done to recorded requests. */
export const simulation = z.object({
  /** All that were replayed in the namespace. */
  total: simulatedCounts,
  byHour: z.array(simulatedCounts.extend({ hour: z.iso.datetime() })),
  /** Without `virtualKeyId`: requests that came without a key. */
  byKey: z.array(simulatedCounts.extend({ virtualKeyId: z.string().optional(), name: z.string().optional() })),
  byPolicy: z.array(
    z.object({
      policyId: z.string(),
      policyName: z.string(),
      refused: z.number().int(),
      /** Would be refused if the policy did not only observe. */
      observed: z.number().int(),
      cut: z.number().int(),
      /** When it first refused. */
      first: z.array(z.object({ at: z.iso.datetime(), requestId: z.string() })),
    }),
  ),
  /** Requests of the namespace that never came to its limits, and so are not replayed. */
  notReplayed: z.number().int(),
  /** Requests that were refused then and pass now: their output and duration are taken from others of the model. */
  assumed: z.number().int(),
  /** There were more records in the range than are replayed: `replayedTo` is the last. */
  isTruncated: z.boolean(),
  replayedTo: z.iso.datetime().optional(),
  /** Fields that a draft reads and the log does not keep: conditions on them never match here. */
  unrecordedFields: z.array(z.string()),
});

export type SimulatedCounts = z.infer<typeof simulatedCounts>;
export type Simulation = z.infer<typeof simulation>;
