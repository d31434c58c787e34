import type { z } from 'zod';
import { answerTo } from './answer.ts';
import { chatQuestion, chatRequest, completionQuestion, completionRequest, type Question } from './chat-request.ts';
import { ControlError, type Controls, plainModel, readControls } from './controls.ts';
import { type Delivery, deliverBody, deliverFrames, deliverNothing } from './delivery.ts';
import { framesOf } from './framing.ts';
import { errorBody, type MockError } from './mock-error.ts';
import { servesModel } from './models.ts';
import { answerEvents, answerJson } from './wire-answer.ts';

/** A request to one of the two completion endpoints, as it arrived. */
export interface Asked {
  readonly kind: Question['kind'];
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Value of the query parameter `mock`. */
  readonly query: string | undefined;
  readonly body: string;
}

/** What the mock knows beside the request. */
export interface Surroundings {
  readonly extraModels: readonly string[];
  /** Counts how often this body came, from 1: for the control `times`. */
  readonly attempt: () => number;
}

/** Decides what is sent for a completion request. Faults in the request are answered as OpenAI answers them. */
export function complete(asked: Asked, surroundings: Surroundings): Delivery {
  const read = readQuestion(asked);
  if ('fault' in read) return deliverError(read.fault, {});

  const { question } = read;
  let controls: Controls;
  try {
    controls = readControls({
      headers: asked.headers,
      query: asked.query,
      model: question.model,
      text: question.directiveText,
    });
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    return deliverError({ status: 400, message: `mock-llm: ${error.message}` }, {});
  }
  if (!servesModel(plainModel(question.model), surroundings.extraModels)) {
    const message = `The model \`${question.model}\` does not exist or you do not have access to it.`;
    return deliverError({ status: 404, message }, {});
  }
  return deliverAnswer({ asked, question, controls: activeControls(controls, surroundings) });
}

/** Sends an error, in HTML as proxies do when the controls ask for it. */
export function deliverError(fault: Partial<MockError> & { readonly status: number }, controls: Controls): Delivery {
  const { retryAfter, retryAfterMs, html } = controls;
  const headers = [
    ...(retryAfter === undefined ? [] : ['retry-after', retryAfter]),
    ...(retryAfterMs === undefined ? [] : ['retry-after-ms', String(retryAfterMs)]),
  ];
  const isHtml = html === true;
  const text = isHtml ? `<html><body><h1>${fault.status} from the mock</h1></body></html>` : errorBody(fault);
  const contentType = isHtml ? 'text/html' : 'application/json';
  return deliverBody({ status: fault.status, contentType, headers, bytes: Buffer.from(text) }, controls);
}

/** The delivery that controls ask for instead of an answer: none at all, or an error. */
export function deliverFault(controls: Controls): Delivery | undefined {
  const nothing = deliverNothing(controls);
  if (nothing !== undefined) return nothing;
  const { status, errorCode, errorMessage } = controls;
  if (status === undefined || status < 300) return undefined;
  return deliverError(
    {
      status,
      ...(errorMessage === undefined ? undefined : { message: errorMessage }),
      ...(errorCode === undefined ? undefined : { code: errorCode }),
    },
    controls,
  );
}

function deliverAnswer(context: { asked: Asked; question: Question; controls: Controls }): Delivery {
  const { asked, question, controls } = context;
  const fault = deliverFault(controls);
  if (fault !== undefined) return fault;

  const received = () => ({ headers: asked.headers, body: JSON.parse(asked.body) as unknown });
  const answer = answerTo(question, controls, received);
  const isStream = controls.as === undefined ? question.isStream : controls.as === 'sse';
  if (isStream) {
    const events = answerEvents(answer, { controls, includesUsage: question.includesUsage });
    return deliverFrames(framesOf(events, controls), controls);
  }
  const bytes = Buffer.from(controls.badJsonAt === undefined ? answerJson(answer, controls) : '{"id":"chatcmpl-mock",');
  return deliverBody({ contentType: 'application/json', bytes }, controls);
}

const FAULT_CONTROLS = [
  'status',
  'reset',
  'hang',
  'dieAfter',
  'hangAfter',
  'endAfter',
  'badJsonAt',
  'errorAt',
] as const satisfies readonly (keyof Controls)[];

/** Without its faults once the same request has met them `times` times. */
function activeControls(controls: Controls, { attempt }: Surroundings): Controls {
  if (controls.times === undefined || attempt() <= controls.times) return controls;
  const healthy = { ...controls };
  for (const name of FAULT_CONTROLS) delete healthy[name];
  return healthy;
}

function readQuestion({ kind, body }: Asked): { readonly question: Question } | { readonly fault: MockError } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return { fault: { status: 400, message: 'We could not parse the JSON body of your request.' } };
  }
  if (kind === 'chat') {
    const read = chatRequest.safeParse(parsed);
    return read.success ? { question: chatQuestion(read.data) } : { fault: schemaFault(read.error) };
  }
  const read = completionRequest.safeParse(parsed);
  return read.success ? { question: completionQuestion(read.data) } : { fault: schemaFault(read.error) };
}

function schemaFault(error: z.ZodError): MockError {
  const issue = error.issues[0];
  const param = issue?.path.join('.') ?? '';
  return {
    status: 400,
    message: `Invalid request: ${param}: ${issue?.message ?? ''}`,
    param: param === '' ? null : param,
  };
}
