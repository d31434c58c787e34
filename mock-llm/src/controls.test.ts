import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ControlError, controlsShape, plainModel, readControls, wireName, withoutDirectives } from './controls.ts';

describe('controls', () => {
  it('reads a directive with numbers, flags, words and a quoted text', () => {
    const text = 'Hello [mock style=zh words=200 delay-ms=20 no-usage text="a \\"b\\" ] 你\\n"] there';
    expect(readControls({ headers: {}, text })).toEqual({
      style: 'zh',
      words: 200,
      delayMs: 20,
      noUsage: true,
      text: 'a "b" ] 你\n',
    });
  });

  it('lets a later source win: headers, query, model, text', () => {
    const controls = readControls({
      headers: { 'x-mock-words': '1', 'x-mock-chunk': '1', 'x-mock-seed': '1', 'x-mock-die-after': '1' },
      query: 'words=2 chunk=2 seed=2',
      model: 'Qwen3-8B@words:3@chunk:3',
      text: '[mock words=4]',
    });
    expect(controls).toEqual({ words: 4, chunk: 3, seed: 2, dieAfter: 1 });
  });

  it('gives a bare control its usual number', () => {
    expect(readControls({ headers: {}, text: '[mock tool-call reasoning slow-bytes]' })).toEqual({
      toolCall: 1,
      reasoning: 20,
      slowBytes: 1,
    });
  });

  it.each(['[mock wrods=3]', '[mock words=-1]', '[mock words]', '[mock style=fr]', '[mock ="x"]', '[mock text="\\x"]'])(
    'refuses %s',
    (text) => {
      expect(() => readControls({ headers: {}, text })).toThrow(ControlError);
    },
  );

  it('names the faulty control and what it expects', () => {
    expect(() => readControls({ headers: {}, text: '[mock first-delay-ms=soon]' })).toThrow(
      'control first-delay-ms: expected a whole number from 0 to 600000',
    );
  });

  it('ignores text that only looks like a directive', () => {
    expect(readControls({ headers: { 'x-mocking': '1' }, text: '[mocking words=3] [MOCK x] mock words=3' })).toEqual(
      {},
    );
  });

  it('takes directives and suffixes away from prompt and model', () => {
    expect(withoutDirectives('Hi [mock words=3] you')).toBe('Hi  you');
    expect(plainModel('Qwen3-8B@words:3')).toBe('Qwen3-8B');
  });

  it('are the same in the README', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const table = readme.slice(readme.search(/^\| control +\|/m));
    const listed = [...table.matchAll(/^\| `([a-z0-9-]+)` +\|/gm)].map((match) => match[1]);
    expect(listed).toEqual(Object.keys(controlsShape.shape).map(wireName));
  });
});
