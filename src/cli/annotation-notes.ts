/** Annotations of a series, as notes on its chart. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { allAnnotations } from "../client/annotations.ts";
import type { Connection } from "../client/connection.ts";
import type { QueryRangeRequestSchema, SeriesRange } from "../wire/gen/history_pb.ts";
import { msOf, oneLine } from "./alert-text.ts";
import type { ChartNote } from "./chart-notes.ts";
import { printable } from "./watch-table.ts";

/** More than these no chart shows. */
const NOTES_MAX = 100;
const DEADLINE_MS = 5_000;

/** Those that touch the range of the query. None where the server cannot tell: the values are what was asked for. */
export async function notesOn(
  connection: Connection,
  { metric, source, device, tags }: Pick<SeriesRange, "metric" | "source" | "device" | "tags">,
  { from, to, groupBy = [] }: MessageInitShape<typeof QueryRangeRequestSchema>,
  signal: AbortSignal,
): Promise<ChartNote[]> {
  // Of a group the values are those of several series, which have more tags than it says.
  const oneSeries = groupBy.length === 0;
  const named = Object.fromEntries(Object.entries(tags).filter(([, value]) => value !== ""));
  const filter = { metric, source, device, seriesTags: named, oneSeries };
  const wanted = { filter, ...(from ? { from } : {}), ...(to ? { to } : {}) };
  try {
    const options = { signal, deadlineMs: DEADLINE_MS, limitMax: NOTES_MAX };
    const annotations = await Array.fromAsync(allAnnotations(connection, wanted, options));
    return annotations.map(({ from: begins, to: ends, author, text }) => ({
      fromMs: msOf(begins),
      toMs: ends === undefined ? null : msOf(ends),
      text: `${author === "" ? "" : `${printable(author)}: `}${oneLine(text)}`,
    }));
  } catch {
    return [];
  }
}
