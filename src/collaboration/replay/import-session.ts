/** ImportSession: a file becomes a session that can be read and replayed, and that nothing is added to. */
import { create } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { invalidField, messageOf, WatchpostError } from "../../model/errors.ts";
import type { JournalEvent } from "../../model/journal.ts";
import { SessionSchema, SessionState, type Session } from "../../wire/gen/collaboration_pb.ts";
import { msOfTimestamp, timestampOfMs } from "../../wire/timestamp.ts";
import type { CollaborationJournal } from "../collaboration-journal.ts";
import { Serial } from "../../model/serial.ts";
import { documentsOfSession, SESSIONS } from "../session-documents.ts";
import { namesOfSession } from "../seen/named.ts";
import { refuseUnseen, type Viewer } from "../seen/visibility.ts";
import { checkEncryption } from "../sealed-chat.ts";
import { titleIn, topicIn } from "../session-input.ts";
import { nameIn, sessionIdIn } from "../../model/texts.ts";
import type { ImportedFiles } from "./imported-files.ts";
import { fileError, readSessionFile } from "./read-session-file.ts";
import { FILE_BYTES_MAX } from "./session-file.ts";

export const SESSION_IMPORT_EVENT = "session-import";
const PIECE_BYTES = 64 * 1024;
const NUMBERS_MAX = 1_000;
const [UNDER_WAY_MAX, RETRY_AFTER_MS] = [2, 5_000];

export interface ImportDeps {
  readonly journal: Pick<CollaborationJournal, "append" | "document">;
  readonly files: ImportedFiles;
  /** Whether there is a session of that id. */
  isTaken(sessionId: string): Promise<boolean>;
  /** Runs something while nobody opens that session; false where somebody has. */
  whileAway(sessionId: string, run: () => Promise<void>): Promise<boolean>;
  nowMs(): number;
}

export interface Import {
  readonly data: Uint8Array;
  /** "": as it was called, with a number behind it where that is taken. */
  readonly sessionId: string;
  readonly userId: string;
  /** Has to see what it is about. */
  readonly viewer: Viewer;
}

export class SessionImports {
  readonly #deps: ImportDeps;
  readonly #serial = new Serial();
  #underWay = 0;

  constructor(deps: ImportDeps) {
    this.#deps = deps;
  }

  /**
   * Resolves when all of it is durable; one after the other. Throws as {@link readSessionFile} does, RESOURCE_EXHAUSTED for a file
   * of more than 48 MiB, and where others wait already, since each holds its file in memory;
   * INVALID_ARGUMENT where whoever imports it would not see it, ALREADY_EXISTS where the id is taken, and as the journal does: nothing of it is kept then.
   */
  async import(asked: Import): Promise<Session> {
    if (this.#underWay >= UNDER_WAY_MAX) {
      const message = `${UNDER_WAY_MAX} sessions are being imported: wait until one of them is`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: RETRY_AFTER_MS });
    }
    this.#underWay++;
    try {
      return await this.#serial.run("", () => this.#import(asked));
    } finally {
      this.#underWay--;
    }
  }

  async #import({ data, sessionId, userId, viewer }: Import): Promise<Session> {
    const { journal, files, nowMs } = this.#deps;
    const session = await checked(data, nowMs());
    await refuseUnseen(namesOfSession(session), viewer);
    const id = await this.#idFor(sessionId, session.id);
    const imported = create(SessionSchema, {
      ...session,
      id,
      state: SessionState.IMPORTED,
      members: [],
      // Sessions go some time after the last that happened to them here.
      lastActivityAt: create(TimestampSchema, timestampOfMs(nowMs())),
    });
    try {
      await files.write(id, data, nowMs());
      const event: JournalEvent = {
        atMs: nowMs(),
        kind: SESSION_IMPORT_EVENT,
        subject: id,
        actor: userId,
        payload: JSON.stringify({ was: session.id, bytes: data.length }),
      };
      const isAway = await this.#deps.whileAway(id, async () => {
        if ((await journal.document(SESSIONS, id)) !== undefined) throw taken(id);
        await journal.append([event], [...documentsOfSession(imported), files.seal(id)]);
      });
      if (!isAway) throw taken(id);
    } catch (error) {
      // What cannot be removed now is not seen either, and goes with the next start.
      await files.remove(id).catch(() => {});
      throw error;
    }
    return imported;
  }

  async #idFor(wanted: string, was: string): Promise<string> {
    if (wanted !== "") {
      if (!(await this.#deps.isTaken(sessionIdIn(wanted)))) return wanted;
      throw taken(wanted);
    }
    for (let number = 1; number <= NUMBERS_MAX; number++) {
      const id = sessionIdIn(number === 1 ? was : `${was.slice(0, 120)}-${number}`);
      if (!(await this.#deps.isTaken(id))) return id;
    }
    throw taken(was);
  }
}

/** The session as the file has it, once all of the file is checked. */
async function checked(data: Uint8Array, nowMs: number): Promise<Session> {
  if (data.length > FILE_BYTES_MAX) {
    const message = `the session file has ${data.length} bytes; at most ${FILE_BYTES_MAX} are taken`;
    throw new WatchpostError("RESOURCE_EXHAUSTED", message);
  }
  let session: Session | undefined;
  for await (const line of readSessionFile(piecesOf(data))) {
    if (line.kind === "header") checkSession((session = line.session), nowMs);
  }
  return session!;
}

/** Held to what a session is held to that is made here: it is shown and listed among them. */
function checkSession(session: Session, nowMs: number): void {
  const { title, topic, encryption, createdBy, closedBy, createdAt, closedAt } = session;
  try {
    titleIn(title);
    if (topic !== undefined) topicIn(topic);
    if (encryption !== undefined) checkEncryption(encryption);
    nameIn(createdBy, "created_by");
    nameIn(closedBy, "closed_by");
    checkTime("created_at", createdAt === undefined ? NaN : msOfTimestamp(createdAt), nowMs);
    if (closedAt !== undefined) checkTime("closed_at", msOfTimestamp(closedAt), nowMs);
  } catch (error) {
    throw fileError(1, messageOf(error));
  }
}

function checkTime(field: string, ms: number, nowMs: number): void {
  if (ms >= 0 && ms <= nowMs) return;
  const given = Number.isNaN(ms) ? "none" : new Date(ms).toISOString();
  throw invalidField(field, given, "a time since 1970 and before now, by the clock of this server");
}

async function* piecesOf(data: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < data.length; from += PIECE_BYTES) yield data.subarray(from, from + PIECE_BYTES);
}

function taken(id: string): WatchpostError {
  return new WatchpostError(
    "ALREADY_EXISTS",
    `there is a session ${JSON.stringify(id)} already: import it under another name`,
  );
}
