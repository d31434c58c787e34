import { type ModelResponse, modelResponse, NOT_PACKED, vocabularyPath } from '@ai-gateway/contracts';
import { type Calibrated, type Tokenizer, tokenizerOf, unpackVocabulary } from '@ai-gateway/tokenizer';
import { Pool } from 'undici';
import { recentMap } from '../domain/recent-map.ts';
import type { Log } from '../services.ts';

/** How a model is counted in this process. */
export interface ModelTokenizer extends Calibrated {
  readonly exact: boolean;
}

/** The vocabularies that the token service gives away, fetched when they are first asked for. */
export interface VocabularyFeed {
  /** Undefined while it is not here; asking has it fetched in the background. */
  of(model: string): ModelTokenizer | undefined;
  close(): Promise<void>;
}

export interface FeedOptions {
  readonly url: URL;
  /** For the row of a model. */
  readonly timeoutMs: number;
  readonly nowMs: () => number;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

/** Models come from clients, so their number is bounded. */
const MOST_MODELS = 1_000;

/** Each takes 20 to 60 MB. */
const MOST_VOCABULARIES = 8;

/** A client that invents models cannot make this gateway ask for more of them at a time. */
const MOST_QUESTIONS = 8;

/** How long the row of a model is taken for true. */
const ROW_FRESH_MS = 60_000;

const RETRY_MS = 10_000;
const DOWNLOAD_TIMEOUT_MS = 30_000;
const LARGEST_BYTES = 64 * 1024 * 1024;

/** Something fetched in the background; the old value serves until there is a new one. */
interface Fetched<T> {
  value: T | undefined;
  isUnderWay: boolean;
  /** Not fetched again before. */
  dueAtMs: number;
}

const NEVER_FETCHED = { value: undefined, isUnderWay: false, dueAtMs: 0 } as const;

interface Loaded {
  readonly version: string;
  readonly tokenizer: Tokenizer;
}

/** A vocabulary and the version of it that the token service named last. */
type Vocabulary = Fetched<Loaded> & { version: string };

/**
 * Asks for the row of a model and then for its vocabulary, both after a minute or a failure again. A vocabulary is
 * downloaded once at a time; a new version takes the place of the old when it is here. The one that has not been asked
 * for longest is forgotten.
 */
export function vocabularyFeed({ url, timeoutMs, nowMs, log }: FeedOptions): VocabularyFeed {
  const { get, isClosing, close } = connection(url, timeoutMs);
  const models = recentMap<string, Fetched<ModelResponse>>(MOST_MODELS);
  const vocabularies = recentMap<string, Vocabulary>(MOST_VOCABULARIES);
  let questions = 0;

  /** Fetches what is due and not under way already; never rejects. */
  async function refresh<T>(entry: Fetched<T>, freshForMs: number, fetchOne: () => Promise<T>): Promise<void> {
    if (entry.isUnderWay || entry.dueAtMs > nowMs()) return;
    entry.isUnderWay = true;
    try {
      entry.value = await fetchOne();
      entry.dueAtMs = nowMs() + freshForMs;
    } catch {
      entry.dueAtMs = nowMs() + RETRY_MS;
    }
    entry.isUnderWay = false;
  }

  async function askRow(model: string): Promise<ModelResponse> {
    questions++;
    try {
      const bytes = await get(`/models/${encodeURIComponent(model)}`, timeoutMs);
      const row = modelResponse.parse(JSON.parse(bytes.toString()));
      if (row.version !== NOT_PACKED) vocabularyOf(row).version = row.version;
      loadedOf(row);
      return row;
    } finally {
      questions--;
    }
  }

  async function download(name: string, version: string): Promise<Loaded> {
    try {
      const packed = await get(vocabularyPath(name, version), DOWNLOAD_TIMEOUT_MS);
      const tokenizer = tokenizerOf(await unpackVocabulary(packed));
      log.info({ event: 'vocabulary', vocabulary: name, version, bytes: packed.length }, 'vocabulary is here');
      return { version, tokenizer };
    } catch (error) {
      if (!isClosing())
        log.warn({ event: 'vocabulary', vocabulary: name, version, error: String(error) }, 'vocabulary cannot be had');
      throw error;
    }
  }

  function vocabularyOf({ vocabulary: name, version }: ModelResponse): Vocabulary {
    const known = vocabularies.get(name);
    if (known !== undefined) return known;
    const added: Vocabulary = { ...NEVER_FETCHED, version };
    vocabularies.set(name, added);
    return added;
  }

  /** What serves now; what should is fetched. */
  function loadedOf(row: ModelResponse): Loaded | undefined {
    if (row.version === NOT_PACKED) return undefined;
    const vocabulary = vocabularyOf(row);
    const { version, value } = vocabulary;
    if (value?.version !== version) void refresh(vocabulary, 0, () => download(row.vocabulary, version));
    return value;
  }

  function rowOf(model: string): ModelResponse | undefined {
    const known = models.get(model);
    const entry: Fetched<ModelResponse> = known ?? { ...NEVER_FETCHED };
    if (questions < MOST_QUESTIONS) {
      if (known === undefined) models.set(model, entry);
      void refresh(entry, ROW_FRESH_MS, () => askRow(model));
    }
    return entry.value;
  }

  return {
    of(model) {
      const row = rowOf(model);
      const loaded = row && loadedOf(row);
      return loaded && { tokenizer: loaded.tokenizer, exact: row.exact, ratio: row.ratio };
    },
    close,
  };
}

/** GET requests to the token service, each within a time; closing ends those under way. */
function connection(url: URL, connectTimeoutMs: number) {
  const pool = new Pool(url.origin, {
    connections: 4,
    connect: { timeout: connectTimeoutMs },
    maxResponseSize: LARGEST_BYTES,
  });
  const closing = new AbortController();
  return {
    async get(path: string, withinMs: number): Promise<Buffer> {
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(withinMs)]);
      const { statusCode, body } = await pool.request({ method: 'GET', path, signal });
      const bytes = Buffer.from(await body.arrayBuffer());
      if (statusCode !== 200) throw new Error(`the token service answered ${statusCode}`);
      return bytes;
    },
    isClosing: () => closing.signal.aborted,
    async close(): Promise<void> {
      closing.abort();
      await pool.destroy();
    },
  };
}
