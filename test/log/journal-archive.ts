/** Backups of a journal alone: made, restored, verified. */
import { create } from "@bufbuild/protobuf";
import { writeFileSync } from "node:fs";
import { backupMethods } from "../../src/dashboard/backup.ts";
import type { LogClient } from "../../src/log/log-client.ts";
import { ArchiveChain } from "../../src/store/archive-chain.ts";
import { restore } from "../../src/store/restore.ts";
import { runToEnd } from "../../src/store/slice.ts";
import { verifyArchives } from "../../src/store/verify.ts";
import { BackupRequestSchema } from "../../src/wire/gen/store_pb.ts";
import type { CallContext } from "../../src/wire/service.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { openJournal, type OpenJournal } from "./journal-rig.ts";

/** Writes a backup of a log without points to `path`; `between` runs after each of its parts. */
export async function backUp(
  log: LogClient,
  path: string,
  between: () => Promise<void> = async () => {},
): Promise<void> {
  const store = {
    beginBackup: async () => ({ files: [], markers: [], leftOut: [] }),
    readBackup: async () => null,
    endBackup: () => {},
  };
  const [method] = backupMethods({ store, state: log, clock: new ManualClock(), newBackupId: () => "id" });
  const run = method.run as (request: unknown, context: CallContext) => AsyncIterable<{ data: Uint8Array }>;
  const { signal } = new AbortController();
  const parts: Uint8Array[] = [];
  for await (const { data } of run(create(BackupRequestSchema, {}), { signal } as CallContext)) {
    parts.push(data);
    await between();
  }
  writeFileSync(path, Buffer.concat(parts));
}

export async function restored(path: string, dir: string): Promise<OpenJournal> {
  const chain = ArchiveChain.open([path]);
  await restore(chain, dir).finally(() => chain.close());
  return openJournal(dir);
}

export function verify(path: string) {
  const chain = ArchiveChain.open([path]);
  const damage: string[] = [];
  const verified = runToEnd(verifyArchives(chain, (sentence) => damage.push(sentence)));
  chain.close();
  return { verified, damage };
}
