import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cutRequest, NOT_PACKED, type Observation, vocabularyPath } from '@ai-gateway/contracts';
import { cutText, packVocabulary, partsOf, type Tokenizer, tokenizerOf, type Vocabulary } from '@ai-gateway/tokenizer';

const MERGES = ['th', 'he', 'the', 'in', 'ing', 'er', ' t', ' the', 'or', 'wor', 'ord', 'word', ' word', 'aa', 'aaaa'];

/** A small byte-level vocabulary; each version has one merge more, so that they can be told apart. */
export function smallVocabulary(name: string, version = 1): Vocabulary {
  const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
  const tokens = [
    ...bytes,
    ...MERGES,
    ...Array.from({ length: version - 1 }, (_, more) => 'xyzuvw'.slice(more, more + 2)),
  ];
  const ranks = new Map(tokens.map((token, rank) => [token, rank]));
  return {
    name,
    unit: 'byte',
    ranks,
    parts: partsOf(ranks),
    ids: undefined,
    split: { kind: 'patterns', patterns: [' ?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+|\\s+'] },
    normalization: 'none',
    spaceAs: undefined,
    addedTokens: [],
    hasSafeBoundaries: true,
  };
}

/** What the fake answers for a model; a test changes it while it runs. */
interface Model {
  vocabulary: string;
  /** 0: not packed. */
  version: number;
  exact: boolean;
  ratio: number;
}

/** A token service with small vocabularies: all models are `usual` unless a test says otherwise. */
export async function startTokenService() {
  const calls: string[] = [];
  const chats: unknown[] = [];
  const observations: Observation[][] = [];
  const usual: Model = { vocabulary: 'small', version: 1, exact: true, ratio: 1 };
  const models = new Map<string, Model>();
  const broken = new Set<string>();
  let isDamaged = false;
  const modelOf = (name: string) => models.get(name) ?? usual;
  const tokenizerFor = ({ vocabulary, version }: Model): Tokenizer => tokenizerOf(smallVocabulary(vocabulary, version));

  function answerGet(path: string): object | Buffer | undefined {
    if (path.startsWith('/models/')) {
      const name = decodeURIComponent(path.slice('/models/'.length));
      const { version, ...row } = modelOf(name);
      const named = version === 0 ? NOT_PACKED : String(version);
      return { success: true, model: name, version: named, ...row };
    }
    const found = [usual, ...models.values()].find(
      ({ vocabulary, version }) => path === vocabularyPath(vocabulary, String(version)),
    );
    const packed = found && packVocabulary(smallVocabulary(found.vocabulary, found.version));
    return isDamaged ? packed?.subarray(0, -1) : packed;
  }

  function answerPost(path: string, body: unknown): object | undefined {
    const row = { success: true, exact: true, vocabulary: 'small' };
    if (path === '/calculate') {
      chats.push(body);
      return { ...row, token_count: 7, model: 'm' };
    }
    if (path === '/observations') {
      observations.push((body as { observations: Observation[] }).observations);
      return { success: true };
    }
    if (path !== '/cut') return undefined;
    const { model, text, max_tokens, from } = cutRequest.parse(body);
    const cut = cutText(tokenizerFor(modelOf(model)), text, max_tokens, from);
    const { tokens, fits, cutAt, cutTokens, finalAt, finalTokens } = cut;
    const places = { cut_at: cutAt, cut_tokens: cutTokens, final_at: finalAt, final_tokens: finalTokens };
    return { ...row, token_count: tokens, fits, ...places };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const kind = path.split('/')[1] ?? '';
    calls.push(path);
    if (broken.has(kind)) {
      response.writeHead(500).end('{}');
      return;
    }
    const isGet = request.method === 'GET';
    const answer = isGet ? answerGet(path) : answerPost(path, JSON.parse(Buffer.concat(chunks).toString()));
    if (answer === undefined) response.writeHead(404).end('{}');
    else response.writeHead(200).end(Buffer.isBuffer(answer) ? answer : JSON.stringify(answer));
  }

  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    /** Paths that were asked for, in order. */
    calls,
    /** How often the paths that begin so were asked for. */
    asked: (start: string) => calls.filter((path) => path.startsWith(start)).length,
    chats,
    observations,
    usual,
    models,
    /** First parts of paths that answer 500. */
    broken,
    /** Vocabularies lack their last byte from now on. */
    damage() {
      isDamaged = true;
    },
    async close() {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}
