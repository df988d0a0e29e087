/** Recordings as a service: replayed, exported, imported. */
import type { Clock } from "../../model/clock.ts";
import { BUILD } from "../../model/build-info.ts";
import { invalidField } from "../../model/errors.ts";
import { Collaboration, SessionState, type Session } from "../../wire/gen/collaboration_pb.ts";
import { ExportFormat, type ExportSessionRequest, type ReplayRequest } from "../../wire/gen/replay_pb.ts";
import { serverStreaming, unary, type CallContext, type MethodImpl } from "../../wire/service.ts";
import { msOfTimestamp } from "../../wire/timestamp.ts";
import { actorOf } from "../texts.ts";
import { openFileRecording } from "./file-recording.ts";
import { SessionImports } from "./import-session.ts";
import { ImportedFiles } from "./imported-files.ts";
import { markdownReport } from "./markdown-report.ts";
import type { Recording } from "./recording.ts";
import { replay, speedOf, viewOf } from "./replay-session.ts";
import { sessionFile } from "./session-file.ts";
import { SessionDigests } from "./session-digest.ts";
import { openStoredRecording, type RecordingDeps } from "./stored-recording.ts";

export interface ReplayDeps extends Omit<RecordingDeps, "digests"> {
  readonly clock: Clock;
  /** Throws NOT_FOUND where there is no session of that id, or whoever calls may not see it. */
  sessionFor(sessionId: string, context: CallContext): Promise<Session>;
  /** Whether there is a session of that id. */
  isTaken(sessionId: string): Promise<boolean>;
  /** Runs something while nobody opens that session; false where somebody has. */
  whileAway(sessionId: string, run: () => Promise<void>): Promise<boolean>;
}

/** Of a report: what is sent together. */
const REPORT_BYTES = 64 * 1024;

/** Removes what a crash has left of imports. */
export async function openReplay(deps: ReplayDeps): Promise<MethodImpl[]> {
  const { journal, clock, isTaken, whileAway } = deps;
  const digests = new SessionDigests(journal);
  const files = new ImportedFiles(journal);
  await files.removeUnfinished();
  const imports = new SessionImports({ journal, files, isTaken, whileAway, nowMs: () => clock.nowMs() });

  const recordingOf = (session: Session, request: Asked, signal: AbortSignal): Promise<Recording> => {
    const { from, to, metrics } = request;
    const wanted = {
      ...(from === undefined ? {} : { fromUs: Math.round(msOfTimestamp(from) * 1_000) }),
      ...(to === undefined ? {} : { toUs: Math.round(msOfTimestamp(to) * 1_000) }),
      metrics,
      nowMs: clock.nowMs(),
    };
    return session.state === SessionState.IMPORTED
      ? openFileRecording(session, wanted, () => files.read(session.id))
      : openStoredRecording(session, wanted, { ...deps, digests }, signal);
  };

  async function* replaySession(request: ReplayRequest, context: CallContext) {
    const [view, speed] = [viewOf(request), speedOf(request)];
    const session = await deps.sessionFor(request.sessionId, context);
    yield* replay(await recordingOf(session, request, context.signal), view, speed, clock, context.signal);
  }

  async function* exportSession(request: ExportSessionRequest, context: CallContext) {
    const { format } = request;
    const session = await deps.sessionFor(request.sessionId, context);
    const isFile = format === ExportFormat.FILE || format === ExportFormat.UNSPECIFIED;
    if (!isFile && format !== ExportFormat.MARKDOWN) throw invalidField("format", format, "FILE or MARKDOWN");
    // What came as a file goes as it came.
    if (isFile && session.state === SessionState.IMPORTED) return yield* partsOf(files.read(session.id));
    const recording = await recordingOf(session, request, context.signal);
    const watchpost = `${BUILD.version} (${BUILD.commit})`;
    yield* partsOf(isFile ? sessionFile(recording, watchpost, clock.nowMs()) : inParts(markdownReport(recording)));
  }

  const { method } = Collaboration;
  return [
    serverStreaming(method.replaySession, replaySession),
    serverStreaming(method.exportSession, exportSession),
    unary(method.importSession, async ({ data, sessionId, userId }, context) => ({
      session: await imports.import({ data, sessionId, userId: actorOf(userId, context) }),
    })),
  ];
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
