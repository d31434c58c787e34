import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** Kinds of texts. */
export const KINDS = ['English', 'Chinese', 'code', 'JSON chat'] as const;
export type Kind = (typeof KINDS)[number];

/** Texts in stretches of some lines that belong together, in an order that mixes their sources. */
type Stretches = readonly string[];

export type Texts = Readonly<Record<Kind, Stretches>>;

/** About as many characters are kept together, when sources are mixed. */
const STRETCH = 1_500;

/** Lines up to this length may come again, as brackets do. */
const SHORT_LINE = 20;

/** Longer lines are data: programs in base64, tables. */
const LONG_LINE = 1_000;

const DOCUMENTS = ['node_modules/**/README.md', 'node_modules/*/LICENSE*', 'node_modules/undici/docs/**/*.md'];
const COMMENTS = [
  'node_modules/@types/node/*.d.ts',
  'node_modules/typescript/lib/lib.dom.d.ts',
  'node_modules/playwright-core/types/*.d.ts',
];
const SOURCES = ['node_modules/zod/src/v4/**/*.ts', 'node_modules/undici/lib/**/*.js', 'node_modules/antd/es/*/*.js'];
const CHINESE = ['node_modules/@rc-component/*/README.zh-CN.md', 'node_modules/@biomejs/biome/README.zh-*.md'];
const CHINESE_MESSAGES = [
  'node_modules/typescript/lib/zh-*/diagnosticMessages.generated.json',
  'node_modules/antd/es/version/token-meta.json',
];

/**
 * Natural texts: the documentation, comments, licences, messages and sources of installed packages, whose versions are
 * locked, so that later runs have the same. No long line occurs twice: texts cut from different places are different.
 */
export function naturalTexts(): Texts {
  const english = mixed([...linesOf(DOCUMENTS), ...linesOf(COMMENTS).map(commentIn)].filter(isProse));
  const chinese = mixed([...linesOf(CHINESE), ...linesOf(CHINESE_MESSAGES).map(messageIn)].filter(isChinese));
  const code = mixed(linesOf(SOURCES));
  return {
    English: english,
    Chinese: chinese,
    code,
    'JSON chat': messages([english, code, english, code, english, code, english, chinese]),
  };
}

/** Up to `count` texts of `bytes` UTF-8 bytes, none of which shares anything with another. */
export function differentTexts(stretches: Stretches, bytes: number, count: number): string[] {
  const texts: string[] = [];
  let text = '';
  let size = 0;
  for (const stretch of stretches) {
    text += stretch;
    size += Buffer.byteLength(stretch);
    if (size < bytes) continue;
    texts.push(firstBytes(text, bytes));
    if (texts.length === count) break;
    text = '';
    size = 0;
  }
  return texts;
}

/** One text of `bytes` UTF-8 bytes; what there is comes again when it does not suffice. */
export function oneText(stretches: Stretches, bytes: number): string {
  const whole = stretches.join('');
  return firstBytes(whole.repeat(Math.ceil(bytes / Buffer.byteLength(whole))), bytes);
}

/** Deltas of 3 to 20 characters, as a stream brings them. */
export function deltasOf(text: string): string[] {
  const deltas: string[] = [];
  for (let at = 0; at < text.length; at += deltas.at(-1)?.length ?? 0)
    deltas.push(text.slice(at, at + 3 + ((deltas.length * 7) % 18)));
  return deltas;
}

function linesOf(patterns: readonly string[]): string[] {
  const files = globSync(patterns, { cwd: ROOT }).toSorted();
  const lines = files.flatMap((file) => readFileSync(join(ROOT, file), 'utf8').split('\n'));
  return lines.filter(({ length }) => length < LONG_LINE);
}

/** Drops longer lines that have been there, joins the rest to stretches, and shuffles those, always in the same way. */
function mixed(lines: readonly string[]): Stretches {
  const stretches: string[] = [];
  const known = new Set<string>();
  let stretch = '';
  for (const line of lines) {
    if (line.length > SHORT_LINE && known.has(line)) continue;
    known.add(line);
    stretch += `${line}\n`;
    if (stretch.length < STRETCH) continue;
    stretches.push(stretch);
    stretch = '';
  }
  return shuffled(stretches);
}

function shuffled(stretches: readonly string[]): Stretches {
  const order = stretches.map((stretch, index) => ({ stretch, place: (index * 2_654_435_761) % 4_294_967_296 }));
  return order.toSorted((left, right) => left.place - right.place).map(({ stretch }) => stretch);
}

/** Messages of chat requests as JSON, whose contents come in turn from each of the texts, as long as all have more. */
function messages(turns: readonly Stretches[]): Stretches {
  const rest = new Map(turns.map((stretches) => [stretches, stretches.values()]));
  const written: string[] = [];
  for (let turn = 0; ; turn++) {
    const stretches = turns[turn % turns.length] ?? [];
    const { value: content, done } = rest.get(stretches)?.next() ?? { done: true };
    if (done) return written;
    written.push(`${JSON.stringify({ role: turn % 2 === 0 ? 'user' : 'assistant', content })},`);
  }
}

function commentIn(line: string): string {
  return /^\s*\* (.*)$/.exec(line)?.[1] ?? '';
}

function messageIn(line: string): string {
  return /^\s*["']?[\w.-]+["']?: ["'](.*)["'],?$/.exec(line)?.[1]?.replaceAll('\\"', '"') ?? '';
}

/** Mostly letters: no tables, no code. Lines with special tokens are left out, which some engines refuse. */
function isProse(line: string): boolean {
  return line.length > 40 && (line.match(/[A-Za-z ]/g)?.length ?? 0) > 0.8 * line.length && !line.includes('<|');
}

function isChinese(line: string): boolean {
  const characters = line.match(/[\u4e00-\u9fff]/g)?.length ?? 0;
  return characters > 4 && characters > 0.2 * line.length;
}

function firstBytes(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  let end = Math.min(bytes, encoded.length);
  while (end < encoded.length && ((encoded[end] ?? 0) & 0xc0) === 0x80) end--;
  return encoded.toString('utf8', 0, end);
}
