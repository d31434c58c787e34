import type { Addressed, Received, Stage } from './exchange.ts';
import type { Services } from './services.ts';
import { authenticate } from './stages/authenticate.ts';
import { capOutput } from './stages/cap-output.ts';
import { checkMessage } from './stages/check-message.ts';
import { chooseTargets } from './stages/choose-targets.ts';
import { compareCounts } from './stages/compare-counts.ts';
import { countInput } from './stages/count-input.ts';
import { forward } from './stages/forward.ts';
import { limitOutput } from './stages/limit-output.ts';
import { matchNamespace } from './stages/match-namespace.ts';
import { parseBody } from './stages/parse-body.ts';
import { planLimits } from './stages/plan-limits.ts';
import { planPassthrough } from './stages/plan-passthrough.ts';
import { prepareCall } from './stages/prepare-call.ts';
import { reserve } from './stages/reserve.ts';
import { resolveModel } from './stages/resolve-model.ts';

/** A chain of stages whose order the compiler checks: a stage only fits where everything it reads was added before. */
export interface Pipeline<In extends Received, Out extends Received = In> {
  use<Added extends object>(stage: Stage<Out, Added>): Pipeline<In, Out & Added>;
  run(received: In, services: Services): Promise<Out>;
  readonly stageNames: readonly string[];
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
    stageNames: stages.map(({ name }) => name),
  };
}

/** What happens to a request for a model's answer, in order. Nothing is consumed before `reserve`. */
export const chatPipeline = pipeline<Received & Addressed>()
  .use(parseBody)
  .use(matchNamespace)
  .use(authenticate)
  .use(resolveModel)
  .use(checkMessage)
  .use(planLimits)
  .use(chooseTargets)
  .use(countInput)
  .use(capOutput)
  .use(prepareCall)
  .use(reserve)
  .use(forward)
  .use(limitOutput)
  .use(compareCounts);

/** What happens to a question of how many tokens a request has. It takes what a request takes, but no tokens. */
export const countPipeline = pipeline<Received & Addressed>()
  .use(parseBody)
  .use(matchNamespace)
  .use(authenticate)
  .use(resolveModel)
  .use(checkMessage)
  .use(planPassthrough)
  .use(countInput)
  .use(reserve);

/** What happens before a request is passed through untouched: all rules that do not need its body. */
export const passthroughPipeline = pipeline<Received>()
  .use(matchNamespace)
  .use(authenticate)
  .use(checkMessage)
  .use(planPassthrough)
  .use(reserve);

/** What happens to `GET /v1/models`. */
export const modelsPipeline = pipeline<Received>().use(matchNamespace).use(authenticate);
