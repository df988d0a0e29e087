/**
 * The file of an exported session, as docs/session-file.md describes it: a line that says what it is, then lines of JSON in gzip
 * members. Kinds of lines stand in the order of {@link LINE_KINDS}.
 */
import { toJson } from "@bufbuild/protobuf";
import { WatchpostError } from "../../model/errors.ts";
import { parseSeriesKey } from "../../model/series-key.ts";
import { SilenceSchema } from "../../wire/gen/alerts_pb.ts";
import { AnnotationSchema } from "../../wire/gen/annotations_pb.ts";
import { CollaborationMessageSchema, SessionSchema } from "../../wire/gen/collaboration_pb.ts";
import { IssueSchema } from "../../wire/gen/issues_pb.ts";
import { ReplayAlertSchema } from "../../wire/gen/replay_pb.ts";
import { slicedArrivals, type ArrivedPoints } from "./points.ts";
import type { Recording, Standing, View } from "./recording.ts";

export const SESSION_FILE_MAGIC = "WATCHPOST-SESSION ";
export const SESSION_FILE_FORMAT = 1;
export const FILE_BYTES_MAX = 48 * 1024 * 1024;
export const CONTENT_BYTES_MAX = 512 * 1024 * 1024;
export const LINE_BYTES_MAX = 8 * 1024 * 1024;
export const ROWS_A_LINE = 1_000;
/** Sentences about what is left out. */
export const MISSING_MAX = 100;

export const LINE_KINDS = [
  "header",
  "series",
  "standing",
  "message",
  "alert",
  "silence",
  "annotation",
  "issue",
  "points",
  "trailer",
] as const;
export type LineKind = (typeof LINE_KINDS)[number];
export type LineCounts = Record<LineKind, number>;

/** Lines that are compressed together. */
const MEMBER_BYTES = 256 * 1024;
const VIEWS: readonly View[] = ["as_seen", "as_known_now"];

export function noLines(): LineCounts {
  return Object.fromEntries(LINE_KINDS.map((kind) => [kind, 0])) as LineCounts;
}

/** The file, piece by piece. Throws RESOURCE_EXHAUSTED where it would be larger than one that can be imported. */
export async function* sessionFile(recording: Recording, watchpost: string, nowMs: number): AsyncGenerator<Uint8Array> {
  const magic = Buffer.from(`${SESSION_FILE_MAGIC}${SESSION_FILE_FORMAT}\n`);
  const hash = new Bun.CryptoHasher("sha256");
  const counts = noLines();
  const missing = recording.missing.size;
  let [bytes, contentBytes] = [magic.length, 0];
  let [waiting, waitingBytes]: [string[], number] = [[], 0];
  yield magic;
  for await (const [kind, value] of linesOf(recording, watchpost, nowMs)) {
    add(kind, JSON.stringify({ [kind]: value }));
    if (waitingBytes >= MEMBER_BYTES) yield member();
  }
  const late = [...recording.missing].slice(missing, missing + MISSING_MAX);
  const more = late.length === 0 ? {} : { missing: late };
  add("trailer", JSON.stringify({ trailer: { lines: { ...counts }, sha256: hash.copy().digest("hex"), ...more } }));
  yield member();

  function add(kind: LineKind, line: string): void {
    counts[kind]++;
    const lineBytes = Buffer.byteLength(line);
    if (lineBytes > LINE_BYTES_MAX) throw tooLarge(`a line of it, of kind ${kind},`, LINE_BYTES_MAX);
    contentBytes += lineBytes + 1;
    if (contentBytes > CONTENT_BYTES_MAX) throw tooLarge("what the export unpacks to", CONTENT_BYTES_MAX);
    waiting.push(line, "\n");
    waitingBytes += lineBytes + 1;
    hash.update(`${line}\n`);
  }

  function member(): Uint8Array {
    const packed = Bun.gzipSync(Buffer.from(waiting.join("")));
    [waiting, waitingBytes] = [[], 0];
    bytes += packed.length;
    if (bytes > FILE_BYTES_MAX) throw tooLarge("the export", FILE_BYTES_MAX);
    return packed;
  }
}

function tooLarge(what: string, bytesMax: number): WatchpostError {
  const message = `${what} is larger than ${bytesMax} bytes, which none that is imported may be: ask for a shorter range, or for fewer metrics`;
  return new WatchpostError("RESOURCE_EXHAUSTED", message);
}

async function* linesOf(
  recording: Recording,
  watchpost: string,
  nowMs: number,
): AsyncGenerator<readonly [kind: LineKind, value: unknown]> {
  const { session, range, seriesKeys, missing } = recording;
  const exported = { watchpost, exportedAtMs: nowMs, ...range, missing: [...missing].slice(0, MISSING_MAX) };
  yield ["header", { ...exported, session: toJson(SessionSchema, session) }];
  for (const key of seriesKeys) {
    const { metric, source, tags } = parseSeriesKey(key);
    yield ["series", { metric, source, tags: Object.fromEntries(tags) }];
  }
  for (const view of seriesKeys.length === 0 ? [] : VIEWS) {
    yield ["standing", { view, ...rowsOf(await recording.standing(view, range)) }];
  }
  for await (const { atMs, what } of recording.messages({ fromUs: 0, toUs: Infinity })) {
    yield ["message", { atMs, message: toJson(CollaborationMessageSchema, what) }];
  }
  for await (const { atMs, what } of recording.alerts(range)) {
    yield ["alert", { atMs, alert: toJson(ReplayAlertSchema, what) }];
  }
  for (const silence of await recording.silences()) yield ["silence", toJson(SilenceSchema, silence)];
  for (const annotation of await recording.annotations()) yield ["annotation", toJson(AnnotationSchema, annotation)];
  for (const issue of await recording.issues()) yield ["issue", toJson(IssueSchema, issue)];
  for await (const part of recording.writes(range)) {
    for (let from = 0; from < part.slots.length; from += ROWS_A_LINE) {
      yield ["points", columnsOf(slicedArrivals(part, from, Math.min(from + ROWS_A_LINE, part.slots.length)))];
    }
  }
}

function columnsOf({ slots, timesUs, values, arrivalsS }: ArrivedPoints) {
  return { slots: [...slots], timesUs: [...timesUs], values: [...values].map(jsonOf), arrivalsS: [...arrivalsS] };
}

function rowsOf({ timesUs, values }: Standing) {
  const slots = [...timesUs.keys()].filter((slot) => !Number.isNaN(timesUs[slot]));
  return { slots, timesUs: slots.map((slot) => timesUs[slot]), values: slots.map((slot) => jsonOf(values[slot])) };
}

/** JSON has one zero; the other is written as text. */
function jsonOf(value: number): number | string {
  return Object.is(value, -0) ? "-0" : value;
}
