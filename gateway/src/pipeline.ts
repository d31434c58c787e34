import type { Addressed, Received, Stage } from './exchange.ts';
import type { Services } from './services.ts';
import { authenticate } from './stages/authenticate.ts';
import { capOutput } from './stages/cap-output.ts';
import { checkMessage } from './stages/check-message.ts';
import { chooseProvider } from './stages/choose-provider.ts';
import { chooseTargets } from './stages/choose-targets.ts';
import { compareCounts } from './stages/compare-counts.ts';
import { countInput } from './stages/count-input.ts';
import { findFallbacks } from './stages/find-fallbacks.ts';
import { forward } from './stages/forward.ts';
import { limitOutput } from './stages/limit-output.ts';
import { matchNamespace } from './stages/match-namespace.ts';
import { parseBody } from './stages/parse-body.ts';
import { planLimits } from './stages/plan-limits.ts';
import { planPassthrough } from './stages/plan-passthrough.ts';
import { prepareCall } from './stages/prepare-call.ts';
import { readCache } from './stages/read-cache.ts';
import { reserve } from './stages/reserve.ts';
import { resolveModel } from './stages/resolve-model.ts';

/** A chain of stages whose order the compiler checks: a stage only fits where everything it reads was added before. */
export interface Pipeline<In extends Received, Out extends Received = In> {
  use<Added extends object>(stage: Stage<Out, Added>): Pipeline<In, Out & Added>;
  run(received: In, services: Services): Promise<Out>;
  /** Runs as far as it goes: what was added until then, and the stage that threw, with what it threw. */
  attempt(received: In, services: Services): Promise<Attempt<Out>>;
  readonly stageNames: readonly string[];
}

/** A run that may have ended early; without a `failure` it is whole. */
export interface Attempt<Out extends Received> {
  readonly reached: Received & Partial<Out>;
  readonly failure: { readonly stage: string; readonly error: unknown } | undefined;
}

type AnyStage = (exchange: never, services: Services) => object | Promise<object>;

function pipeline<In extends Received, Out extends Received = In>(stages: readonly AnyStage[] = []): Pipeline<In, Out> {
  return {
    use: (stage) => pipeline([...stages, stage]),
    async run(received, services) {
      let exchange: object = received;
      for (const stage of stages) {
        const added = stage(exchange as never, services);
        exchange = { ...exchange, ...(added instanceof Promise ? await added : added) };
      }
      // The stages were type-checked as a chain when they were added; here only their sum is left.
      return exchange as Out;
    },
    async attempt(received, services) {
      let exchange: object = received;
      for (const stage of stages) {
        try {
          exchange = { ...exchange, ...(await stage(exchange as never, services)) };
        } catch (error) {
          return { reached: exchange as Received & Partial<Out>, failure: { stage: stage.name, error } };
        }
      }
      return { reached: exchange as Out, failure: undefined };
    },
    stageNames: stages.map(({ name }) => name),
  };
}

/** How a request for a model's answer is decided, up to its limits. Nothing is consumed. */
export const chatDecision = pipeline<Received & Addressed>()
  .use(parseBody)
  .use(matchNamespace)
  .use(authenticate)
  .use(resolveModel)
  .use(checkMessage)
  .use(findFallbacks)
  .use(planLimits)
  .use(chooseTargets)
  .use(countInput)
  .use(capOutput)
  .use(prepareCall)
  .use(readCache);

/** What happens to a request for a model's answer, in order. Nothing is consumed before `reserve`. */
export const chatPipeline = chatDecision.use(reserve).use(forward).use(limitOutput).use(compareCounts);

/** How a question of how many tokens a request has is decided, up to its limits. */
export const countDecision = pipeline<Received & Addressed>()
  .use(parseBody)
  .use(matchNamespace)
  .use(authenticate)
  .use(resolveModel)
  .use(checkMessage)
  .use(planPassthrough)
  .use(countInput);

/** What happens to such a question. It takes what a request takes, but no tokens. */
export const countPipeline = countDecision.use(reserve);

/** How a request that is passed through untouched is decided, up to its limits: all rules that do not need its body. */
export const passthroughDecision = pipeline<Received>()
  .use(matchNamespace)
  .use(authenticate)
  .use(checkMessage)
  .use(planPassthrough)
  .use(chooseProvider)
  .use(chooseTargets);

/** What happens before a request is passed through untouched. */
export const passthroughPipeline = passthroughDecision.use(reserve);

/** What happens to `GET /v1/models`. */
export const modelsPipeline = pipeline<Received>().use(matchNamespace).use(authenticate);
