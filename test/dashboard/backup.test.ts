/** The stream of a backup: its reader's pace, its end, and what is refused. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { backupMethods } from "../../src/dashboard/backup.ts";
import { SHARED_BACKUP_FORMAT } from "../../src/model/backup-manifest.ts";
import type { BackupListed, FrozenPiece } from "../../src/store/store-client.ts";
import { BackupRequestSchema } from "../../src/wire/gen/store_pb.ts";
import type { CallContext } from "../../src/wire/service.ts";
import { ManualClock } from "../support/manual-clock.ts";

const PIECES = 4;
const PIECE_BYTES = 1_000;

function createRig() {
  const clock = new ManualClock();
  const told: string[] = [];
  let read = 0;
  const listed: BackupListed = {
    files: [{ name: "points-2026-11.db", bytes: PIECES * PIECE_BYTES, identity: "i", unchanged: false }],
    markers: [],
    leftOut: [],
  };
  const freeze = {
    held: undefined as PromiseWithResolvers<void> | undefined,
    hold: () => (freeze.held = Promise.withResolvers<void>()),
  };
  const store = {
    async beginBackup() {
      const { held } = freeze;
      freeze.held = undefined;
      await held?.promise;
      told.push("begin");
      return listed;
    },
    async readBackup(): Promise<FrozenPiece> {
      const isLast = ++read === PIECES;
      return { data: new Uint8Array(PIECE_BYTES), sha256: isLast ? "0".repeat(64) : null };
    },
    endBackup: () => void told.push("end"),
  };
  const state = {
    statePage: async (after: number) => ({
      series: after === 0 ? [{ id: 1, key: "m\0s" }] : [],
      meta: { next_seq: 7 },
      retired: Uint32Array.of(2),
    }),
    beginSnapshot: async () => void told.push("snapshot"),
    readSnapshot: async () => ({
      documents: [{ collection: "rules", key: "r", sort: 0, value: "{}" }],
      entries: [{ position: 3, atMs: 0, kind: "rule", subject: "r", actor: "a", payload: "{}" }],
      damage: [],
      damagedDocuments: [],
      firstPosition: 3,
      counts: {},
      isLast: true,
    }),
    endSnapshot: () => {},
  };
  const [method] = backupMethods({ store, state, clock, newBackupId: () => "id" });
  const controller = new AbortController();
  const run = method.run as (request: unknown, context: CallContext) => AsyncGenerator<{ data: Uint8Array }>;
  const start = (request: { baseManifest?: string; bytesPerSecond?: bigint } = {}) =>
    run(create(BackupRequestSchema, request), { signal: controller.signal } as CallContext);
  return { clock, told, freeze, start, controller, read: () => read };
}

test("is pulled: nothing is read ahead of its reader, and it ends once", async () => {
  const { start, told, read } = createRig();
  const parts = start();
  expect(told).toEqual([]);
  let bytes = 0;
  for await (const { data } of parts) bytes += data.length;
  expect(bytes % 512).toBe(0);
  expect(read()).toBe(PIECES);
  expect(told).toEqual(["snapshot", "begin", "end"]);
});

test("documents are those of before the points are frozen: what a ledger says has come is among these", async () => {
  const { start, told, freeze } = createRig();
  const frozen = freeze.hold();
  const first = start();
  const begun = first.next();
  await Promise.resolve();
  expect(told).toEqual(["snapshot"]);
  await expect(start().next()).rejects.toMatchObject({ status: "RESOURCE_EXHAUSTED" });
  frozen.reject(new Error("the store is closed"));
  await expect(begun).rejects.toThrow("the store is closed");
  expect(told).toEqual(["snapshot", "end"]);
  const second = start();
  await second.next();
  expect(told).toEqual(["snapshot", "end", "snapshot", "begin"]);
  await second.return(undefined);
});

test("a reader that takes nothing for a minute has lost it, and ends no other one when it comes back", async () => {
  const { start, told, clock } = createRig();
  const parts = start();
  await parts.next();
  clock.advance(59_000);
  await parts.next();
  clock.advance(59_000);
  expect(told).toEqual(["snapshot", "begin"]);
  clock.advance(1_000);
  expect(told).toEqual(["snapshot", "begin", "end"]);
  await expect(parts.next()).rejects.toMatchObject({ status: "ABORTED" });
  expect(told).toEqual(["snapshot", "begin", "end"]);
});

test("a reader that leaves ends it at once", async () => {
  const { start, told } = createRig();
  const parts = start();
  await parts.next();
  await parts.return(undefined);
  expect(told).toEqual(["snapshot", "begin", "end"]);
});

test("is as fast as was asked for, whatever the clock of its parts", async () => {
  const { start, clock } = createRig();
  const startedMs = clock.monotonicMs();
  let bytes = 0;
  let last = 0;
  const parts = start({ bytesPerSecond: 1_000n });
  for (let next = parts.next(); ; next = parts.next()) {
    let settled = false;
    void next.finally(() => (settled = true)).catch(() => {});
    for (let turn = 0; !settled; turn++) {
      await Promise.resolve();
      // Only when nothing but the clock is left to wait for.
      if (turn % 50 === 49) clock.advance(10);
    }
    const { done, value } = await next;
    if (done) break;
    bytes += value.data.length;
    last = value.data.length;
  }
  const seconds = (clock.monotonicMs() - startedMs) / 1_000;
  expect(seconds).toBeGreaterThanOrEqual((bytes - last) / 1_000);
  expect(seconds).toBeLessThan((bytes / 1_000) * 1.1 + 1);
});

test("a pause ends with its reader", async () => {
  const { start, told, controller } = createRig();
  const parts = start({ bytesPerSecond: 1n });
  await parts.next();
  const next = parts.next().catch((error: unknown) => error);
  controller.abort(new Error("left"));
  expect(await next).toEqual(new Error("left"));
  expect(told).toEqual(["snapshot", "begin", "end"]);
});

for (const [request, wanted] of [
  [{ bytesPerSecond: -1n }, "bytes_per_second is -1"],
  [{ baseManifest: "{oops" }, "base_manifest is"],
  [{ baseManifest: "{}" }, "it has no manifest"],
  [{ baseManifest: JSON.stringify({ format: SHARED_BACKUP_FORMAT + 1 }) }, `backup format ${SHARED_BACKUP_FORMAT + 1}`],
  [{ baseManifest: '{"format":1,"sha256":"00"}' }, "does not match its checksum"],
] as const) {
  test(`refused: ${JSON.stringify(request, (_, v) => (typeof v === "bigint" ? String(v) : v))}`, async () => {
    const { start, told } = createRig();
    const refused = await start(request)
      .next()
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: "INVALID_ARGUMENT", message: expect.stringContaining(wanted) });
    expect(told).toEqual([]);
  });
}
