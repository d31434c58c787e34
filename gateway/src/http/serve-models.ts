import type { Request, Response } from 'express';
import type { CompiledConfig } from '../domain/compile-snapshot.ts';
import { asGatewayError, GatewayError } from '../domain/gateway-error.ts';
import { findModel, listModels } from '../domain/list-models.ts';
import type { ModelAccess } from '../domain/model-access.ts';
import { NO_USAGE } from '../domain/outcome.ts';
import { modelsPipeline } from '../pipeline.ts';
import { anthropicModel, anthropicModels, openAiModel, openAiModels } from '../protocols/model-list.ts';
import type { Services } from '../services.ts';
import { beginLife, failedOutcome } from './life.ts';
import { type Target, targetOf } from './read-request.ts';
import { writeError } from './write-answer.ts';

const PREFIX = '/v1/models/';

/**
 * `GET /v1/models` and `/v1/models/<name>`: what the caller may use, in OpenAI's form, or in Anthropic's when its
 * header `anthropic-version` is there. Never rejects.
 */
export async function serveModels(request: Request, response: Response, services: Services): Promise<void> {
  const life = beginLife(request, response, services);
  try {
    const target = targetOf(request.url);
    const { config, namespace, caller } = await modelsPipeline.run(life.received(target, new Uint8Array()), services);
    const keyModels = caller.kind === 'key' ? caller.allowedModels : [];
    const access = { namespace: namespace.namespace, keyModels };
    const form = request.headers['anthropic-version'] === undefined ? 'openai' : 'anthropic';
    const answer = answerOf(config, access, target, form);
    life.end({ kind: 'completed', status: 200, usage: NO_USAGE });
    response.setHeader('x-request-id', life.requestId);
    response.json(answer);
  } catch (thrown) {
    const error = asGatewayError(thrown);
    life.end(failedOutcome(error, life.hasClientLeft()), error.details.internal);
    writeError(response, error, life.requestId);
  }
}

/** @throws GatewayError `model_not_found` */
function answerOf(config: CompiledConfig, access: ModelAccess, target: Target, form: 'openai' | 'anthropic'): object {
  const name = nameIn(target);
  if (name === undefined) {
    const models = listModels(config, access);
    return form === 'anthropic' ? anthropicModels(models, target.query) : openAiModels(models);
  }
  const model = findModel(config, access, name);
  if (model === undefined) throw new GatewayError('model_not_found', { param: 'model' });
  return form === 'anthropic' ? anthropicModel(model) : openAiModel(model);
}

/** @throws GatewayError when the name is not encoded as URLs are */
function nameIn({ path }: Target): string | undefined {
  if (!path.startsWith(PREFIX) || path === PREFIX) return undefined;
  try {
    return decodeURIComponent(path.slice(PREFIX.length));
  } catch {
    throw new GatewayError('invalid_request', { message: 'The name of the model is not a valid part of a URL.' });
  }
}
