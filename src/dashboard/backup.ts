/**
 * Backup: the store's period files, frozen at one instant, journal and documents of right before it and series of right
 * after it, as one tar archive. The reader pulls; what is in memory is a piece of a file, or what a file of series or of the
 * journal holds.
 */
import type { Clock } from "../model/clock.ts";
import { BUILD } from "../model/build-info.ts";
import {
  BACKUP_FORMAT,
  MANIFEST_NAME,
  manifestText,
  parseManifest,
  SHARED_BACKUP_FORMAT,
  type BackupFile,
  type BackupManifest,
} from "../model/backup-manifest.ts";
import { invalidField, messageOf, WatchpostError } from "../model/errors.ts";
import { TAR_END_BYTES, tarHeader, tarPaddingBytes } from "../model/tar.ts";
import type { BackupListed, FrozenPiece } from "../store/store-client.ts";
import { Dashboard } from "../wire/gen/dashboard_pb.ts";
import type { BackupRequest } from "../wire/gen/store_pb.ts";
import { serverStreaming, type MethodImpl } from "../wire/service.ts";
import type { JournalOpened } from "../log/log-client.ts";
import { sharedFiles, stateFiles } from "./backup-state.ts";
import type { DamageTold, SharedSource, StateFile, StateSource, StateTold } from "./backup-state.ts";

export interface BackupSource {
  beginBackup(base: ReadonlyMap<string, string>): Promise<BackupListed>;
  readBackup(name: string): Promise<FrozenPiece | null>;
  endBackup(): void;
}

export interface BackupDeps {
  readonly store: BackupSource;
  readonly state: StateSource;
  /** The journal that this node shares with others; left out: there are none. */
  readonly shared?: SharedSource | undefined;
  readonly clock: Clock;
  readonly newBackupId: () => string;
}

/** A reader that takes nothing for so long has lost its backup: frozen files must not stay so. */
const READER_IDLE_MS_MAX = 60_000;

const encoder = new TextEncoder();

export function backupMethods(deps: BackupDeps): MethodImpl[] {
  const state = { isRunning: false };
  return [serverStreaming(Dashboard.method.backup, (request, { signal }) => backup(request, deps, state, signal))];
}

/**
 * The parts of the archive. Throws INVALID_ARGUMENT where the request makes no sense, RESOURCE_EXHAUSTED while another
 * backup is made, ABORTED when the reader has stopped for a minute.
 */
async function* backup(
  request: BackupRequest,
  deps: BackupDeps,
  all: { isRunning: boolean },
  signal: AbortSignal,
): AsyncIterable<{ data: Uint8Array; bytesTotal?: bigint }> {
  const { store, state, shared, clock } = deps;
  const base = baseOf(request.baseManifest);
  const bytesPerSecond = Number(request.bytesPerSecond);
  if (bytesPerSecond < 0) throw invalidField("bytes_per_second", bytesPerSecond, "0 (no limit) or more");
  const identities = new Map(base?.files.map(({ name, identity }) => [name, identity]));
  if (all.isRunning) {
    throw new WatchpostError(
      "RESOURCE_EXHAUSTED",
      "another backup is being made; one at a time, try again when it has ended",
    );
  }
  all.isRunning = true;
  let [stopped, ended] = [false, false];
  // Once: the next backup must not be ended by the late finish of this one.
  const end = () => {
    if (ended) return;
    ended = true;
    store.endBackup();
    state.endSnapshot();
    shared?.endSnapshot();
    all.isRunning = false;
  };
  let listed: BackupListed;
  let sharedOpened: JournalOpened | undefined;
  try {
    sharedOpened = await shared?.beginSnapshot();
    // Before the points: what another node has delivered by its ledger it would never send again.
    await state.beginSnapshot();
    listed = await store.beginBackup(identities);
  } catch (error) {
    end();
    throw error;
  }
  let bytesTotal: bigint | undefined = BigInt(sizeOf(listed));
  try {
    for await (const data of archive(listed, sharedOpened, base, deps)) {
      signal.throwIfAborted();
      const startedMs = clock.monotonicMs();
      const stop = clock.after(READER_IDLE_MS_MAX, () => {
        stopped = true;
        end();
      });
      try {
        yield bytesTotal === undefined ? { data } : { data, bytesTotal };
      } finally {
        stop();
      }
      bytesTotal = undefined;
      if (stopped) throw new WatchpostError("ABORTED", "the backup was ended: its reader took nothing for a minute");
      // A reader that was slow itself does not make up for it: the disk would feel it.
      const leftMs = bytesPerSecond > 0 ? startedMs + (data.length / bytesPerSecond) * 1_000 - clock.monotonicMs() : 0;
      if (leftMs > 0) await pause(clock, leftMs, signal);
    }
  } finally {
    end();
  }
}

async function* archive(
  listed: BackupListed,
  sharedOpened: JournalOpened | undefined,
  base: BackupManifest | null,
  { store, state, shared, clock, newBackupId }: BackupDeps,
): AsyncIterable<Uint8Array> {
  const id = newBackupId();
  const createdMs = clock.nowMs();
  const files: BackupFile[] = [];
  const leftOut = [...listed.leftOut];

  // First, for while it is copied no other node can read it.
  const ofShared: DamageTold = { damage: [], damagedDocuments: [] };
  if (shared !== undefined && sharedOpened !== undefined) {
    const copying = sharedFiles(shared, sharedOpened);
    let next: IteratorResult<StateFile, DamageTold>;
    while (!(next = await copying.next()).done) yield* small(next.value.name, next.value.text);
    Object.assign(ofShared, next.value);
  }
  // Series come after the freeze: every one that a frozen block refers to is among them.
  const ofState = stateFiles(state);
  let next: IteratorResult<StateFile, StateTold>;
  while (!(next = await ofState.next()).done) yield* small(next.value.name, next.value.text);
  const { nextSeq, series, damage, damagedDocuments } = next.value;
  leftOut.push(...ofShared.damage, ...damage);
  for (const marker of listed.markers) yield* small(marker, "");

  for (const { name, bytes, identity, unchanged } of listed.files) {
    const before = unchanged ? base!.files.find((file) => file.name === name) : undefined;
    if (before !== undefined) {
      files.push(before);
      continue;
    }
    let piece = await store.readBackup(name);
    if (piece === null) {
      leftOut.push(name);
      continue;
    }
    yield tarHeader({ name, bytes }, createdMs);
    for (; piece !== null; piece = piece.sha256 === null ? await store.readBackup(name) : null) {
      yield piece.data;
      if (piece.sha256 !== null) files.push({ name, bytes, sha256: piece.sha256, identity, in: id });
    }
    if (tarPaddingBytes(bytes) > 0) yield new Uint8Array(tarPaddingBytes(bytes));
  }

  const createdAt = new Date(createdMs).toISOString();
  const backups = { ...base?.backups, [id]: createdAt };
  const used = new Set(files.map((file) => file.in));
  const manifest: BackupManifest = {
    format: shared === undefined ? BACKUP_FORMAT : SHARED_BACKUP_FORMAT,
    id,
    createdAt,
    watchpost: `${BUILD.version} (${BUILD.commit})`,
    base: base?.id ?? "",
    nextSeq,
    series,
    files,
    backups: Object.fromEntries(Object.entries(backups).filter(([other]) => used.has(other))),
    leftOut,
    damaged: [...ofShared.damagedDocuments, ...damagedDocuments],
  };
  const text = encoder.encode(manifestText(manifest, sha256Of));
  yield entry(MANIFEST_NAME, text);
  yield new Uint8Array(TAR_END_BYTES);

  function* small(name: string, content: string): Generator<Uint8Array, void> {
    const bytes = encoder.encode(content);
    files.push({ name, bytes: bytes.length, sha256: sha256Of(bytes), identity: "", in: id });
    yield entry(name, bytes);
  }

  function entry(name: string, bytes: Uint8Array): Uint8Array {
    const header = tarHeader({ name, bytes: bytes.length }, createdMs);
    const all = new Uint8Array(header.length + bytes.length + tarPaddingBytes(bytes.length));
    all.set(header);
    all.set(bytes, header.length);
    return all;
  }
}

function baseOf(text: string): BackupManifest | null {
  if (text === "") return null;
  try {
    return parseManifest(text, sha256Of);
  } catch (error) {
    throw invalidField("base_manifest", text, `the manifest of a backup: ${messageOf(error)}`);
  }
}

/** Without series and journal, which are not counted yet: for progress alone. */
function sizeOf({ files }: BackupListed): number {
  return files.reduce((sum, { bytes, unchanged }) => (unchanged ? sum : sum + bytes), 0);
}

function sha256Of(content: string | Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(content).digest("hex");
}

/** Ends at once, by throwing, when `signal` aborts. */
async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  cancel();
  signal.throwIfAborted();
}
