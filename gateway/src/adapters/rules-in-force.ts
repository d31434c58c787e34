import { createHash, createHmac } from 'node:crypto';
import { type GatewayReport, type Snapshot, snapshotShape, type UnusableKey } from '@ai-gateway/contracts';
import type { RulesSigner } from '@ai-gateway/contracts/secrets';
import { type CompiledConfig, compileSnapshot } from '../domain/compile-snapshot.ts';
import type { SecretSource } from '../domain/provider-keys.ts';
import type { ConfigSource, Log } from '../services.ts';
import type { SnapshotFile } from './snapshot-file.ts';

export interface RulesInForceOptions {
  readonly keyPepper: string;
  readonly signer: RulesSigner;
  readonly secrets: SecretSource;
  readonly snapshots: SnapshotFile;
  readonly log: Log;
  readonly nowMs: () => number;
}

/** What a source says of the rules that it has, before they are fetched. */
export interface RulesHead {
  readonly epoch: string;
  readonly revision: number;
}

/** Rules as a source hands them over. */
export interface OfferedRules {
  readonly revision: number;
  readonly sha256: string;
  /** Empty when there is none. */
  readonly signature: string;
  readonly body: string;
}

/** The rules in force, whatever source they come from. */
export interface RulesInForce extends ConfigSource {
  /** The newest rules that need not be offered again: those in force, or those that were refused. */
  known(): RulesHead | undefined;
  /** A source has nothing newer than what is known: if that is in force, what was refused has gone. */
  confirm(): void;
  /**
   * Verifies hash and signature, checks and compiles, then swaps all at once and writes a snapshot. What fails one of
   * these is refused with the reason and the rules in force stay; what is older than they are, in their epoch, is passed
   * over.
   */
  offer(rules: OfferedRules): void;
  /** Seconds since a source last confirmed the rules. */
  ageSeconds(): number;
}

/** Starts with the newest snapshot on disk that is whole and compiles; `onChange` is told of new and of refused rules. */
export async function rulesInForce(
  { keyPepper, signer, secrets, snapshots, log, nowMs }: RulesInForceOptions,
  onChange: () => void,
): Promise<RulesInForce> {
  let current: CompiledConfig | undefined;
  let known: RulesHead | undefined;
  let refused: GatewayReport['refusedRevision'];
  let confirmedAtMs = nowMs();
  let toldOf = '[]';

  function accept(snapshot: Snapshot): void {
    current = compileSnapshot(snapshot, secrets);
    refused = undefined;
    tellOfKeys(unusableKeysIn(current));
  }

  /** Keys that cannot be used are told once, not at every revision. */
  function tellOfKeys(unusable: readonly UnusableKey[]): void {
    const text = JSON.stringify(unusable);
    if (text === toldOf) return;
    toldOf = text;
    for (const key of unusable) log.error({ ...key }, 'a provider key cannot be used');
  }

  function refuse(revision: number, reason: string): void {
    // A source that goes on offering the same is answered once.
    if (refused?.revision === revision && refused.reason === reason) return;
    refused = { revision, reason };
    log.error(refused, 'rules refused');
    onChange();
  }

  function take(snapshot: Snapshot): void {
    if (current !== undefined && isOlder(snapshot, current)) return;
    known = { epoch: snapshot.epoch, revision: snapshot.revision };
    accept(snapshot);
    log.info({ revision: snapshot.revision }, 'rules in force');
    snapshots.write(snapshot).catch((error) => log.error({ error: String(error) }, 'snapshot not written'));
    onChange();
  }

  for (const snapshot of await snapshots.read()) {
    try {
      accept(snapshot);
      log.info({ revision: snapshot.revision }, 'rules from the snapshot on disk');
      break;
    } catch (error) {
      log.error({ revision: snapshot.revision, reason: reasonOf(error) }, 'snapshot refused');
    }
  }

  return {
    current: () => current,
    hashOf: (secret) => createHmac('sha256', keyPepper).update(secret).digest('hex'),
    refused: () => refused,
    known: () => known ?? current,
    confirm() {
      confirmedAtMs = nowMs();
      if (refused === undefined || (known ?? current)?.revision !== current?.revision) return;
      refused = undefined;
      onChange();
    },
    offer(rules) {
      confirmedAtMs = nowMs();
      try {
        take(verified(rules, signer));
      } catch (error) {
        refuse(rules.revision, reasonOf(error));
      }
    },
    ageSeconds: () => (nowMs() - confirmedAtMs) / 1000,
  };
}

/** @throws Error that says what is wrong */
function verified({ revision, sha256, signature, body }: OfferedRules, signer: RulesSigner): Snapshot {
  if (createHash('sha256').update(body).digest('hex') !== sha256) {
    throw new Error('the snapshot does not match its sha256');
  }
  const content: unknown = JSON.parse(body);
  const { epoch } = (content ?? {}) as { readonly epoch?: unknown };
  if (!signer.isSigned({ epoch: String(epoch), revision, sha256 }, signature)) {
    throw new Error('the rules are not signed by a config center with the same GATEWAY_TOKEN');
  }
  const parsed = snapshotShape.safeParse(content);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(`the snapshot is not valid: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  if (parsed.data.revision !== revision) throw new Error('the snapshot is of another revision than it is said to be');
  return parsed.data;
}

/** Keys of all providers that this gateway cannot use. */
export function unusableKeysIn({ providers }: CompiledConfig): readonly UnusableKey[] {
  return providers.flatMap(({ unusableKeys }) => unusableKeys);
}

/** Only revisions of one epoch can be compared. */
export function isOlder(one: RulesHead, other: RulesHead): boolean {
  return one.epoch === other.epoch && one.revision < other.revision;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
