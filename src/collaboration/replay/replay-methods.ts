/** Recordings as a service: replayed, exported, imported. What does it is loaded with the first call. */
import type { Clock } from "../../model/clock.ts";
import { Collaboration, type Session } from "../../wire/gen/collaboration_pb.ts";
import { serverStreaming, unary, type CallContext, type MethodImpl } from "../../wire/service.ts";
import type { Visibility } from "../seen/visibility.ts";
import { ImportedFiles } from "./imported-files.ts";
import type { PlacesOfSeries } from "./sight.ts";
import type { RecordingDeps } from "./stored-recording.ts";

export interface ReplayDeps extends Omit<RecordingDeps, "digests"> {
  readonly clock: Clock;
  readonly visibility: Visibility;
  readonly scopes: PlacesOfSeries;
  /** Throws NOT_FOUND where there is no session of that id, or whoever calls may not see it. */
  sessionFor(sessionId: string, context: CallContext): Promise<Session>;
  /** Without who is here, whoever asks; undefined where there is none. */
  sessionNow(sessionId: string): Session | undefined | Promise<Session | undefined>;
  /** Whether there is a session of that id. */
  isTaken(sessionId: string): Promise<boolean>;
  /** Runs something while nobody opens that session; false where somebody has. */
  whileAway(sessionId: string, run: () => Promise<void>): Promise<boolean>;
}

/** Removes what a crash has left of imports. */
export async function openReplay(deps: ReplayDeps): Promise<MethodImpl[]> {
  const files = new ImportedFiles(deps.journal);
  await files.removeUnfinished();
  const load = async () => (await import("./recordings.ts")).recordingsOf(deps, files);
  let loaded: ReturnType<typeof load> | undefined;
  const recordings = () => (loaded ??= load());
  const { method } = Collaboration;
  return [
    serverStreaming(method.replaySession, async function* (request, context) {
      yield* (await recordings()).replaySession(request, context);
    }),
    serverStreaming(method.exportSession, async function* (request, context) {
      yield* (await recordings()).exportSession(request, context);
    }),
    unary(method.importSession, async (request, context) => (await recordings()).importSession(request, context)),
  ];
}
