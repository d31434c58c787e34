import type { IncomingMessage, ServerResponse } from 'node:http';
import { deliverError, deliverFault } from './complete.ts';
import type { MockState } from './completion-endpoint.ts';
import { ControlError, type Controls, readControls } from './controls.ts';
import { type Delivery, deliverBody } from './delivery.ts';
import { MODELS, modelEntry, servesModel } from './models.ts';
import { generateImage, listFiles, receiveFile, speak } from './passthrough.ts';
import { collectBody, queryControls } from './request-parts.ts';
import { send } from './send.ts';
import { type CountedRequest, headersFrom } from './traffic.ts';

/** Answers every path but the completions: models, files, images, speech, and 404 for the rest. */
export function answerOther(mock: MockState, request: IncomingMessage, response: ServerResponse): void {
  const counted = mock.traffic.open(request, response);
  const call = `${request.method} ${(request.url ?? '').split('?', 1)[0]}`;
  if (call === 'POST /v1/files') {
    receiveUpload(request, response, counted);
    return;
  }
  collectBody(request, response, (body) => {
    counted.keepBody(body);
    const read = controlsOrFault(request, body);
    send(response, 'fault' in read ? read.fault : plannedAnswer(mock, call, read.controls), counted.closedByMock);
  });
}

function receiveUpload(request: IncomingMessage, response: ServerResponse, counted: CountedRequest): void {
  const read = controlsOrFault(request, undefined);
  if ('fault' in read) {
    request.resume();
    send(response, read.fault, counted.closedByMock);
    return;
  }
  receiveFile(request, read.controls).then(
    (delivery) => send(response, delivery, counted.closedByMock),
    () => response.destroy(),
  );
}

function plannedAnswer(mock: MockState, call: string, controls: Controls): Delivery {
  switch (call) {
    case 'GET /v1/files':
      return listFiles(controls);
    case 'POST /v1/images/generations':
      return generateImage(controls);
    case 'POST /v1/audio/speech':
      return speak(controls);
    case 'GET /v1/models':
      return json({ object: 'list', data: [...MODELS, ...mock.extraModels].map(modelEntry) }, controls);
    default:
      return modelOrNothing(mock, call, controls);
  }
}

function modelOrNothing(mock: MockState, call: string, controls: Controls): Delivery {
  const id = modelIdOf(call);
  if (id === undefined) return deliverError({ status: 404, message: `Invalid URL (${call})`, code: null }, controls);
  if (servesModel(id, mock.extraModels)) return json(modelEntry(id), controls);
  return deliverError({ status: 404, message: `The model '${id}' does not exist` }, controls);
}

function modelIdOf(call: string): string | undefined {
  const encoded = /^GET \/v1\/models\/(.+)$/.exec(call)?.[1];
  if (encoded === undefined) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** Controls of endpoints without messages: headers, query, and the texts `input` and `prompt` of a JSON body. */
function controlsOrFault(
  request: IncomingMessage,
  body: Buffer | undefined,
): { readonly controls: Controls } | { readonly fault: Delivery } {
  try {
    const headers = headersFrom(request.rawHeaders);
    const controls = readControls({ headers, query: queryControls(request.url ?? ''), text: directiveTextOf(body) });
    const fault = deliverFault(controls);
    return fault === undefined ? { controls } : { fault };
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    return { fault: deliverError({ status: 400, message: `mock-llm: ${error.message}` }, {}) };
  }
}

function directiveTextOf(body: Buffer | undefined): string | undefined {
  if (body === undefined || !body.includes('[mock')) return undefined;
  try {
    const { input, prompt } = JSON.parse(body.toString('utf8')) as { input?: unknown; prompt?: unknown };
    return [input, prompt].filter((text) => typeof text === 'string').join('\n');
  } catch {
    return undefined;
  }
}

function json(value: unknown, controls: Controls): Delivery {
  return deliverBody({ contentType: 'application/json', bytes: Buffer.from(JSON.stringify(value)) }, controls);
}
