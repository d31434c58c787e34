import { createHmac } from 'node:crypto';
import { bodyParts, type GatewayReport, type UnusableKey } from '@ai-gateway/contracts';
import type { RulesSigner } from '@ai-gateway/contracts/secrets';
import { type CompiledConfig, compileSnapshot } from '../domain/compile-snapshot.ts';
import type { SecretSource } from '../domain/provider-keys.ts';
import type { ConfigSource, Log } from '../services.ts';
import { type CheckedRules, checkedBody, type OfferedRules, withDeltas } from './offered-rules.ts';
import type { RulesToSave, SnapshotFile } from './snapshot-file.ts';

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

/** The rules in force, whatever source they come from. */
export interface RulesInForce extends ConfigSource {
  /** The newest rules that need not be offered again: those in force, or those that were refused. */
  known(): RulesHead | undefined;
  /** A source has nothing newer than what is known: if that is in force, what was refused has gone. */
  confirm(): void;
  /**
   * Verifies hash and signature, checks and compiles, then swaps all at once and writes a snapshot. What fails one of
   * these is refused with the reason and the rules in force stay; what is older than they are, in their epoch, is passed
   * over. One offer after the other. `body needed`: deltas alone were offered, and they do not lead from the rules in
   * force to those.
   */
  offer(rules: OfferedRules): Promise<'decided' | 'body needed'>;
  /** Seconds since a source last confirmed the rules. */
  ageSeconds(): number;
}

/** Rules, and what vouches for their epoch, revision and hash. */
interface SignedRules {
  readonly rules: CheckedRules;
  readonly signature: string;
}

/** Starts with the newest snapshot on disk that is whole and compiles; `onChange` is told of new and of refused rules. */
export async function rulesInForce(
  { keyPepper, signer, secrets, snapshots, log, nowMs }: RulesInForceOptions,
  onChange: () => void,
): Promise<RulesInForce> {
  let current: CompiledConfig | undefined;
  /** What `current` was made of. */
  let checked: CheckedRules | undefined;
  let known: RulesHead | undefined;
  let refused: GatewayReport['refusedRevision'];
  let confirmedAtMs = nowMs();
  let lastOffer: Promise<unknown> = Promise.resolve();
  const tellOfKeys = unusableKeyTeller(log);

  function accept(rules: CheckedRules): void {
    const before = current && checked && { config: current, snapshot: checked.snapshot };
    current = compileSnapshot(rules.snapshot, secrets, before);
    checked = rules;
    refused = undefined;
    tellOfKeys(unusableKeysIn(current));
  }

  function refuse(revision: number, reason: string): void {
    // A source that goes on offering the same is answered once.
    if (refused?.revision === revision && refused.reason === reason) return;
    refused = { revision, reason };
    log.error(refused, 'rules refused');
    onChange();
  }

  function take(offered: SignedRules): void {
    const { epoch, revision } = signedBy(signer, offered).snapshot;
    if (current !== undefined && isOlder(offered.rules.snapshot, current)) return;
    known = { epoch, revision };
    accept(offered.rules);
    log.info({ revision }, 'rules in force');
    snapshots.write(toSave(offered)).catch((error) => log.error({ error: String(error) }, 'snapshot not written'));
    onChange();
  }

  function confirm(): void {
    confirmedAtMs = nowMs();
    if (refused === undefined || (known ?? current)?.revision !== current?.revision) return;
    refused = undefined;
    onChange();
  }

  async function decide(rules: OfferedRules): Promise<'decided' | 'body needed'> {
    if (checked?.sha256 === rules.sha256) {
      // Another source was faster.
      known = current;
      confirm();
      return 'decided';
    }
    const led = checked && (await withDeltas(checked, rules));
    if (led === undefined && rules.body === undefined) return 'body needed';
    confirmedAtMs = nowMs();
    try {
      take({ rules: led ?? (await checkedBody(rules)), signature: rules.signature });
    } catch (error) {
      refuse(rules.revision, reasonOf(error));
    }
    return 'decided';
  }

  for await (const { sha256, signature, body } of snapshots.read()) {
    try {
      accept(signedBy(signer, { rules: await checkedBody({ revision: 0, sha256, signature, body }), signature }));
      log.info({ revision: current?.revision }, 'rules from the snapshot on disk');
      break;
    } catch (error) {
      log.error({ reason: reasonOf(error) }, 'snapshot refused');
    }
  }

  return {
    current: () => current,
    hashOf: (secret) => createHmac('sha256', keyPepper).update(secret).digest('hex'),
    refused: () => refused,
    known: () => known ?? current,
    confirm,
    offer(rules) {
      const decided = lastOffer.then(() => decide(rules));
      lastOffer = decided;
      return decided;
    },
    ageSeconds: () => (nowMs() - confirmedAtMs) / 1000,
  };
}

/** @throws Error when nobody who knows the token vouches for these rules */
function signedBy(signer: RulesSigner, { rules, signature }: SignedRules): CheckedRules {
  const { epoch, revision } = rules.snapshot;
  if (signer.isSigned({ epoch, revision, sha256: rules.sha256 }, signature)) return rules;
  throw new Error('the rules are not signed by a config center with the same GATEWAY_TOKEN');
}

/** Keys that cannot be used are told once, not at every revision. */
function unusableKeyTeller(log: Log): (unusable: readonly UnusableKey[]) => void {
  let toldOf = '[]';
  return (unusable) => {
    const text = JSON.stringify(unusable);
    if (text === toldOf) return;
    toldOf = text;
    for (const key of unusable) log.error({ ...key }, 'a provider key cannot be used');
  };
}

function toSave({ rules: { sha256, lists, snapshot }, signature }: SignedRules): RulesToSave {
  return { revision: snapshot.revision, sha256, signature, parts: () => bodyParts(snapshot, lists) };
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
