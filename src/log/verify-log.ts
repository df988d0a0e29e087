/** Checks the segments of a log that nobody has open: every record, and what it says of itself. */
import { closeSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";
import { messageOf } from "../model/errors.ts";
import type { Frame } from "../model/frame.ts";
import type { SeriesDefinition } from "../model/series-registry.ts";
import { definitionsOfRecord, frameOfRecord } from "./record.ts";
import { replayRecords, type SegmentEnd } from "./replay.ts";
import { firstSeqOf, SEGMENT_HEADER_BYTES, segmentHeader } from "./segment.ts";

export interface VerifiedLog {
  readonly records: number;
  /** -1 where there is no record. */
  readonly lastSeq: number;
  readonly definitions: readonly SeriesDefinition[];
  /** Of every series that has points in it. */
  readonly seriesIds: ReadonlySet<number>;
  /** In words, what a crash left and nobody was told to be kept. */
  readonly notes: readonly string[];
}

/**
 * `paths` ascending. Yields after every record. `onDamage` hears a sentence for each thing that is damaged, `onFrame` what each record
 * holds.
 */
export function* verifyLog(
  paths: readonly string[],
  onDamage: (sentence: string) => void,
  onFrame: (frame: Frame) => void,
): Generator<void, VerifiedLog> {
  let [records, lastSeq] = [0, -1];
  const definitions: SeriesDefinition[] = [];
  const seriesIds = new Set<number>();
  const notes: string[] = [];
  for (const [i, path] of paths.entries()) {
    const name = basename(path);
    try {
      if (!hasOwnHeader(path, name)) onDamage(`${name}: the header of the segment is not that of its name`);
      const replay = replayRecords(path, onDamage);
      let next: IteratorResult<ArrayBuffer, SegmentEnd>;
      for (next = replay.next(); !next.done; next = replay.next()) {
        const frame = frameOfRecord(next.value);
        if (frame.seq <= lastSeq) onDamage(`${name}: sequence ${frame.seq} does not follow ${lastSeq}`);
        lastSeq = frame.seq;
        records++;
        onFrame(frame);
        for (const id of frame.seriesIds) seriesIds.add(id);
        for (const definition of definitionsOfRecord(next.value)) definitions.push(definition);
        yield;
      }
      const { wholeBytes, torn } = next.value;
      if (torn && i < paths.length - 1) {
        onDamage(`${name} ends at byte ${wholeBytes} inside a record; what followed is lost`);
      } else if (torn) notes.push(`${name} ends in an unfinished record, which was never acknowledged`);
    } catch (error) {
      onDamage(`${name} cannot be read: ${messageOf(error)}`);
    }
  }
  return { records, lastSeq, definitions, seriesIds, notes };
}

/** A segment shorter than its header is one that a crash kept from being made; whoever replays it says so. */
function hasOwnHeader(path: string, name: string): boolean {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  const fd = openSync(path, "r");
  try {
    if (readSync(fd, header, 0, header.length, 0) < header.length) return true;
  } finally {
    closeSync(fd);
  }
  return header.equals(segmentHeader(firstSeqOf(name)!));
}
