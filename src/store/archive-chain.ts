/** A backup and the older ones that hold what it left out. */
import type { BackupFile, BackupManifest } from "../model/backup-manifest.ts";
import { WatchpostError } from "../model/errors.ts";
import { BackupArchive } from "./backup-archive.ts";

export class ArchiveChain {
  readonly archives: readonly BackupArchive[];
  readonly #byId: ReadonlyMap<string, BackupArchive>;

  /** The one that is meant is the last; the others in any order. Throws as {@link BackupArchive.open}, INVALID_ARGUMENT for none. */
  static open(paths: readonly string[]): ArchiveChain {
    const archives: BackupArchive[] = [];
    try {
      for (const path of paths) archives.push(BackupArchive.open(path));
      return new ArchiveChain(archives);
    } catch (error) {
      for (const archive of archives) archive.close();
      throw error;
    }
  }

  private constructor(archives: readonly BackupArchive[]) {
    if (archives.length === 0) throw new WatchpostError("INVALID_ARGUMENT", "no backup is named");
    this.archives = archives;
    this.#byId = new Map(archives.map((archive) => [archive.manifest.id, archive]));
    const { last } = this;
    for (const { path, manifest } of archives) {
      const addsToLast = manifest.base === last.manifest.id || last.manifest.id in manifest.backups;
      if (manifest.id === last.manifest.id || !addsToLast) continue;
      const message = `${path} adds to ${last.path}, which is named last: name the newest backup last`;
      throw new WatchpostError("INVALID_ARGUMENT", message);
    }
  }

  get last(): BackupArchive {
    return this.archives.at(-1)!;
  }

  get manifest(): BackupManifest {
    return this.last.manifest;
  }

  /** Where the bytes of a file of the last one are. Throws FAILED_PRECONDITION, naming the backup that is missing. */
  archiveOf(file: BackupFile): BackupArchive {
    const archive = this.#byId.get(file.in);
    if (archive !== undefined) return archive;
    const madeAt = this.manifest.backups[file.in] ?? "at an unknown time";
    throw new WatchpostError(
      "FAILED_PRECONDITION",
      `${file.name} of ${this.last.path} is in another backup, made ${madeAt} (id ${file.in}): name its file before`,
    );
  }

  close(): void {
    for (const archive of this.archives) archive.close();
  }
}
