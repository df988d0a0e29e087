/** Whether a node that forwards is the one that was heard before under its id, or has its data by a copy or a snapshot. Pure. */
import { WatchpostError } from "../../model/errors.ts";
import type { Hello, Origin } from "./origins.ts";

/** Undefined: it may be the one that was heard last. */
export function differenceOf(
  { session, runs }: Pick<Hello, "session" | "runs">,
  origin: Pick<Origin, "session" | "run" | "committed">,
): string | undefined {
  if (session < origin.session) return `its session is ${session}, and was ${origin.session}`;
  if (origin.run === "" || runs.length === 0) return undefined;
  const heard = runs.findIndex(({ id }) => id === origin.run);
  if (heard < 0) return `run ${origin.run} was heard last, which is none of its`;
  // All that a process sent was committed before the next one began.
  const [sent, next] = [origin.committed.at(-1)?.[1] ?? 0, runs[heard + 1]];
  if (next === undefined || sent <= next.firstSeq) return undefined;
  return `sequences up to ${sent} came of its run ${origin.run}, and the next one began with ${next.firstSeq}`;
}

/** For the node itself, which goes on under another id. */
export function isAnother(
  { originName, originId }: Pick<Hello, "originName" | "originId">,
  difference: string,
): WatchpostError {
  const message = `node ${JSON.stringify(originName)} (${originId}) is not the one that was heard before: ${difference}; was its data directory copied, or rolled back?`;
  return new WatchpostError("ALREADY_EXISTS", message);
}

/** For whoever is not told anything of the one that was heard: one of several nodes that were made from one image. */
export function copied(originId: string): WatchpostError {
  const message = `node ${originId} is not the one that was heard before under that id; was its data directory copied?`;
  return new WatchpostError("ALREADY_EXISTS", message);
}
