import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { CREATED } from './answer.ts';
import type { Controls } from './controls.ts';
import { type Delivery, deliverBody } from './delivery.ts';

const DEFAULT_SPEECH_BYTES = 64 * 1024;
const SPEECH_BYTES_PER_WRITE = 4096;

// A transparent picture of one pixel.
const PIXEL_PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

/** `GET /v1/files`: always the same two files. */
export function listFiles(controls: Controls): Delivery {
  const data = ['one', 'two'].map((name, index) => fileEntry(`file-mock-${name}`, 100 * (index + 1)));
  return json({ object: 'list', data, has_more: false }, controls);
}

/**
 * `POST /v1/files`: counts the upload without keeping it and answers its size and SHA-256, so that a test sees whether
 * every byte arrived.
 */
export async function receiveFile(request: IncomingMessage, controls: Controls): Promise<Delivery> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  const sha256 = hash.digest('hex');
  return json({ ...fileEntry(`file-mock-${sha256.slice(0, 8)}`, bytes), sha256 }, controls);
}

/** `POST /v1/images/generations`: always the same picture. */
export function generateImage(controls: Controls): Delivery {
  return json({ created: CREATED, data: [{ b64_json: PIXEL_PNG }] }, controls);
}

/** `POST /v1/audio/speech`: `bytes` bytes, each its position modulo 251, in writes of 4 KiB. */
export function speak(controls: Controls): Delivery {
  const bytes = Buffer.alloc(controls.bytes ?? DEFAULT_SPEECH_BYTES);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = index % 251;
  return deliverBody({ contentType: 'audio/mpeg', bytes, bytesPerWrite: SPEECH_BYTES_PER_WRITE }, controls);
}

function fileEntry(id: string, bytes: number) {
  return {
    id,
    object: 'file',
    bytes,
    created_at: CREATED,
    filename: `${id}.bin`,
    purpose: 'assistants',
    status: 'processed',
  };
}

function json(value: unknown, controls: Controls): Delivery {
  return deliverBody({ contentType: 'application/json', bytes: Buffer.from(JSON.stringify(value)) }, controls);
}
