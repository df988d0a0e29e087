/**
 * What a backup holds. The manifest is the last file of the archive, for only then is every checksum known; so an archive
 * that was cut off has none. It names all files, those too whose bytes are in an older backup.
 */
export const MANIFEST_NAME = "manifest.json";
export const STATE_NAME = "state.json";
/** Ids of deleted series. */
export const RETIRED_NAME = "retired.json";
/** The small state of the journal that a node shares with others. */
export const SHARED_STATE_NAME = "shared-state.json";
/** 1: without the journal; 1 and 2: without tokens, see STATE_VERSION of state.db. Of a server that is a node by itself. */
export const BACKUP_FORMAT = 3;
/** With the journal that several nodes share. */
export const SHARED_BACKUP_FORMAT = 4;
const SERIES_NAME = /^series-\d{6}\.json$/;
const JOURNAL_NAME = /^journal-\d{6}\.json$/;
const DOCUMENTS_NAME = /^documents-\d{6}\.json$/;
/** The same of the shared journal; what is behind the first part is the name that its own would have. */
const SHARED_NAME = /^shared-((?:journal|documents)-\d{6}\.json)$/;
/** Of files that go into the data directory as they are. */
const DATA_NAME = /^[a-z0-9][a-z0-9.-]*\.db(\.dropped)?$/;
const SHA256 = /^[0-9a-f]{64}$/;

export interface BackupFile {
  readonly name: string;
  readonly bytes: number;
  /** Of its bytes, in hexadecimal. */
  readonly sha256: string;
  /** Says whether a period file is still the same; "" for others, which are never left out. */
  readonly identity: string;
  /** The id of the backup whose archive has its bytes. */
  readonly in: string;
}

export interface BackupManifest {
  readonly format: number;
  readonly id: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Version of the server. */
  readonly watchpost: string;
  /** Id of the backup this one adds to; "" for a whole one. */
  readonly base: string;
  /** Higher than the log sequence of every point in it. */
  readonly nextSeq: number;
  readonly series: number;
  readonly files: readonly BackupFile[];
  /** When the other backups were made that files are in, by id. */
  readonly backups: Readonly<Record<string, string>>;
  /**
   * Files in the data directory that could not be read as period files, or went while the backup was made; damaged entries
   * of the journal.
   */
  readonly leftOut: readonly string[];
  /** Documents that were damaged already: the backup says that they are there, and not what stood in them. */
  readonly damaged?: readonly string[];
}

export type Sha256 = (text: string) => string;

export type NumberedFile = "series" | "journal" | "documents" | "shared-journal" | "shared-documents";

/** The file number `at`, from 0, of what takes many: series definitions, entries of the journal or documents. */
export function numberedName(what: NumberedFile, at: number): string {
  return `${what}-${String(at).padStart(6, "0")}.json`;
}

export function isSeriesFile(name: string): boolean {
  return SERIES_NAME.test(name);
}

export function isJournalFile(name: string): boolean {
  return JOURNAL_NAME.test(name);
}

export function isDocumentsFile(name: string): boolean {
  return DOCUMENTS_NAME.test(name);
}

/** What a file of the shared journal would be called if it were one of the node's own; undefined: it is none. */
export function nameInShared(name: string): string | undefined {
  return name === SHARED_STATE_NAME ? STATE_NAME : SHARED_NAME.exec(name)?.[1];
}

/** Whether a backup has the journal that several nodes share. */
export function hasShared({ files }: BackupManifest): boolean {
  return files.some(({ name }) => name === SHARED_STATE_NAME);
}

/** Whether a file goes into the data directory as it is. */
export function isDataFile(name: string): boolean {
  return DATA_NAME.test(name) && name !== "state.db";
}

/** As JSON, with a checksum of its own. */
export function manifestText(manifest: BackupManifest, sha256: Sha256): string {
  return `${JSON.stringify({ ...manifest, sha256: sha256(JSON.stringify(manifest)) })}\n`;
}

/** Inverse of {@link manifestText}. Throws, in words, where it is damaged, of a later version or no manifest. */
export function parseManifest(text: string, sha256: Sha256): BackupManifest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error("its manifest is damaged: it is no JSON");
  }
  if (typeof parsed !== "object" || parsed === null || !("format" in parsed)) throw new Error("it has no manifest");
  const { sha256: wanted, ...manifest } = parsed as BackupManifest & { sha256?: unknown };
  if (typeof manifest.format === "number" && manifest.format > SHARED_BACKUP_FORMAT) {
    throw new Error(`it has backup format ${manifest.format}, this Watchpost knows up to ${SHARED_BACKUP_FORMAT}`);
  }
  if (sha256(JSON.stringify(manifest)) !== wanted) {
    throw new Error("its manifest is damaged: it does not match its checksum");
  }
  const wrong = manifest.files.find(({ name, sha256: sum }) => !isKnown(name) || !SHA256.test(sum));
  if (wrong !== undefined) throw new Error(`its manifest names ${JSON.stringify(wrong.name)}, which no backup holds`);
  return manifest;
}

function isKnown(name: string): boolean {
  const isState = name === STATE_NAME || name === RETIRED_NAME || isSeriesFile(name);
  const isOfJournal = isJournalFile(name) || isDocumentsFile(name) || nameInShared(name) !== undefined;
  return isState || isOfJournal || isDataFile(name);
}
