/** Points of a file to a server, each under its own source, and how far that has come. */
import { BATCH_BYTES_MAX, encodeBatch, pointBytesMax, type Batch, type Point } from "./batch.ts";
import type { LinePoint } from "./point-file.ts";

export interface SourcedBatch extends Batch {
  /** When this batch and all before it are stored, so is everything before this line of the file. */
  readonly safeLine: number;
}

export interface SourceOptions {
  /** Points in a batch. */
  readonly size: number;
  /** Of points that name none; where it is missing too, `onBad` is told. */
  readonly source: string | undefined;
  onBad(line: number, reason: string): void;
}

/** A batch goes, full or not, when so many points were read since its first: that bounds all that wait. */
const WAITING_POINTS_MAX = 50_000;

interface Waiting {
  readonly points: Point[];
  /** Encoded, at the most. */
  bytes: number;
  readonly firstLine: number;
  /** How many points were read before its first. */
  readonly readBefore: number;
}

/**
 * Batches of one source each; points of one source keep their order. While sources take turns their batches fill side by
 * side, at most 50,000 points of them all.
 */
export async function* batchesBySource(
  points: AsyncIterable<LinePoint>,
  { size, source: fallback, onBad }: SourceOptions,
): AsyncIterable<SourcedBatch> {
  // In order of their first points: a source whose batch has gone begins again at the end.
  const waiting = new Map<string, Waiting>();
  let read = 0;
  let lastLine = 0;
  const take = (source: string, { points }: Waiting, nextLine = lastLine + 1): SourcedBatch => {
    waiting.delete(source);
    const [oldest] = waiting.values();
    return { ...encodeBatch(points, source), safeLine: oldest?.firstLine ?? nextLine };
  };
  for await (const point of points) {
    lastLine = point.line;
    const source = point.source ?? fallback;
    if (source === undefined) {
      onBad(lastLine, "has no source; wanted one, or --source for those that have none");
      continue;
    }
    const bytes = pointBytesMax(point);
    let own = waiting.get(source);
    if (own !== undefined && own.bytes + bytes > BATCH_BYTES_MAX) {
      // The point itself is in none yet.
      yield take(source, own, lastLine);
      own = undefined;
    }
    if (own === undefined) waiting.set(source, (own = { points: [], bytes: 0, firstLine: lastLine, readBefore: read }));
    own.points.push(point);
    own.bytes += bytes;
    read++;
    if (own.points.length >= size) yield take(source, own);
    const [oldest] = waiting;
    if (oldest !== undefined && read - oldest[1].readBefore >= WAITING_POINTS_MAX) yield take(...oldest);
  }
  for (const [name, batch] of [...waiting]) yield take(name, batch);
}
