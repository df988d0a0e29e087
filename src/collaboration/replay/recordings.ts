/** What is done with recordings: they are replayed, exported and imported. */
import { BUILD } from "../../model/build-info.ts";
import { invalidField, WatchpostError } from "../../model/errors.ts";
import { SessionState, type Session } from "../../wire/gen/collaboration_pb.ts";
import {
  ExportFormat,
  type ExportSessionRequest,
  type ImportSessionRequest,
  type ReplayRequest,
} from "../../wire/gen/replay_pb.ts";
import type { CallContext } from "../../wire/service.ts";
import { msOfTimestamp } from "../../wire/timestamp.ts";
import { actorOf } from "../../wire/actor.ts";
import { namesOfSession, seesAll } from "../seen/named.ts";
import { cutOnceOther } from "../seen/narrowed.ts";
import { openFileRecording } from "./file-recording.ts";
import { SessionImports } from "./import-session.ts";
import type { ImportedFiles } from "./imported-files.ts";
import { markdownReport } from "./markdown-report.ts";
import type { Recording } from "./recording.ts";
import { replay, speedOf, viewOf } from "./replay-session.ts";
import { SeenRecording } from "./seen-recording.ts";
import { sessionFile } from "./session-file.ts";
import { SessionDigests } from "./session-digest.ts";
import { sightOf } from "./sight.ts";
import type { ReplayDeps } from "./replay-methods.ts";
import { openStoredRecording } from "./stored-recording.ts";

/** Of a report: what is sent together. */
const REPORT_BYTES = 64 * 1024;

export function recordingsOf(deps: ReplayDeps, files: ImportedFiles) {
  const { journal, clock, visibility, isTaken, whileAway } = deps;
  const digests = new SessionDigests(journal);
  const imports = new SessionImports({ journal, files, isTaken, whileAway, nowMs: () => clock.nowMs() });

  const recordingOf = async (
    session: Session,
    request: Asked,
    { principal, signal }: CallContext,
  ): Promise<Recording> => {
    const { scope } = principal;
    const sight = sightOf(scope, visibility.sees(scope), deps.scopes);
    const { from, to, metrics } = request;
    const wanted = {
      ...(from === undefined ? {} : { fromUs: Math.round(msOfTimestamp(from) * 1_000) }),
      ...(to === undefined ? {} : { toUs: Math.round(msOfTimestamp(to) * 1_000) }),
      metrics,
      nowMs: clock.nowMs(),
    };
    if (session.state !== SessionState.IMPORTED) {
      return openStoredRecording(session, wanted, { ...deps, digests }, sight, signal);
    }
    const whole = await openFileRecording(session, wanted, () => files.read(session.id));
    return sight.isEverything ? whole : new SeenRecording(whole, sight);
  };

  async function* replaySession(request: ReplayRequest, context: CallContext) {
    const [view, speed] = [viewOf(request), speedOf(request)];
    const session = await deps.sessionFor(request.sessionId, context);
    const recording = await recordingOf(session, request, context);
    using _watching = cutOnceOther(() => isStillSeen(recording, context), context, visibility, changed());
    yield* replay(recording, view, speed, clock, context.signal);
  }

  async function* exportSession(request: ExportSessionRequest, context: CallContext) {
    const { format } = request;
    const session = await deps.sessionFor(request.sessionId, context);
    const isFile = format === ExportFormat.FILE || format === ExportFormat.UNSPECIFIED;
    if (!isFile && format !== ExportFormat.MARKDOWN) throw invalidField("format", format, "FILE or MARKDOWN");
    // What came as a file goes as it came.
    if (isFile && session.state === SessionState.IMPORTED && context.principal.scope.isEverything) {
      return yield* partsOf(files.read(session.id));
    }
    const recording = await recordingOf(session, request, context);
    using _watching = cutOnceOther(() => isStillSeen(recording, context), context, visibility, changed());
    const watchpost = `${BUILD.version} (${BUILD.commit})`;
    yield* partsOf(isFile ? sessionFile(recording, watchpost, clock.nowMs()) : inParts(markdownReport(recording)));
  }

  /** What it is about, and the series in it. */
  async function isStillSeen(
    { session, seriesKeys }: Recording,
    { principal: { scope } }: CallContext,
  ): Promise<boolean> {
    const { topic } = (await deps.sessionNow(session.id)) ?? {};
    if (!(await seesAll(namesOfSession({ ...(topic && { topic }) }), visibility.sees(scope)))) return false;
    return seriesKeys.every((key) => scope.takes(deps.scopes.placeOfKey(key)));
  }

  return {
    replaySession,
    exportSession,
    importSession: async ({ data, sessionId, userId }: ImportSessionRequest, context: CallContext) => ({
      session: await imports.import({
        data,
        sessionId,
        userId: actorOf(userId, context),
        viewer: visibility.viewer(context.principal),
      }),
    }),
  };
}

function changed(): WatchpostError {
  return new WatchpostError("ABORTED", "what you see of this session has changed; ask again");
}

type Asked = Pick<ReplayRequest | ExportSessionRequest, "from" | "to" | "metrics">;

async function* partsOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<{ data: Uint8Array<ArrayBuffer> }> {
  for await (const data of pieces) yield { data: data as Uint8Array<ArrayBuffer> };
}

async function* inParts(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  let waiting = "";
  for await (const text of texts) {
    waiting += text;
    if (waiting.length < REPORT_BYTES) continue;
    yield Buffer.from(waiting);
    waiting = "";
  }
  if (waiting !== "") yield Buffer.from(waiting);
}
