import type { Controls } from './controls.ts';

const DONE = '[DONE]';
const LINE_ENDS = { lf: '\n', crlf: '\r\n', cr: '\r' } as const;

/**
 * Puts the data of events into server-sent-event frames and adds what the controls ask for: spoiled, giant and error
 * events, `[DONE]`, and the variants of framing that the standard allows.
 */
export function framesOf(events: readonly string[], controls: Controls): string[] {
  const data = withFaults(events, controls);
  if (controls.noDone !== true && controls.errorAt === undefined) data.push(DONE);
  if (usesPlainFraming(controls)) return data.map((payload) => `data: ${payload}\n\n`);

  const frames = data.map((payload, index) => frameOf(payload, index, controls));
  if (controls.bom === true && frames[0] !== undefined) frames[0] = `\uFEFF${frames[0]}`;
  const last = frames.pop();
  if (last !== undefined) frames.push(controls.noFinalBlank === true ? last.replace(/[\r\n]+$/, '') : last);
  return frames;
}

function withFaults(events: readonly string[], { badJsonAt, errorAt, giantEvent }: Controls): string[] {
  const data = [...events];
  if (giantEvent !== undefined && data[0] !== undefined) {
    data[0] = `${data[0].slice(0, -1)},"padding":"${'x'.repeat(giantEvent)}"}`;
  }
  if (badJsonAt !== undefined && badJsonAt < data.length) data[badJsonAt] = '{"choices":[{"delta":{"content":"unfin';
  if (errorAt !== undefined) {
    const error = { message: 'The mock failed in the middle.', type: 'server_error', param: null, code: null };
    data.splice(errorAt, data.length, JSON.stringify({ error }));
  }
  return data;
}

function usesPlainFraming(controls: Controls): boolean {
  const { lineEnd, comments, multiLine, noSpace, bom, namedEvents, noFinalBlank } = controls;
  return (
    (lineEnd ?? 'lf') === 'lf' &&
    [comments, multiLine, noSpace, bom, namedEvents, noFinalBlank].every((variant) => variant !== true)
  );
}

function frameOf(payload: string, index: number, controls: Controls): string {
  const lineEnd = LINE_ENDS[controls.lineEnd ?? 'lf'];
  const field = controls.noSpace === true ? 'data:' : 'data: ';
  const lines: string[] = [];
  if (controls.comments === true) lines.push(': keep-alive', '');
  if (controls.namedEvents === true) lines.push(`id: ${index}`, 'event: message', 'retry: 1000');
  for (const line of controls.multiLine === true ? linesOf(payload) : [payload]) lines.push(field + line);
  return `${lines.join(lineEnd)}${lineEnd}${lineEnd}`;
}

/** JSON over several lines; what is not JSON stays on one. */
function linesOf(payload: string): string[] {
  try {
    return JSON.stringify(JSON.parse(payload), null, 1).split('\n');
  } catch {
    return [payload];
  }
}
