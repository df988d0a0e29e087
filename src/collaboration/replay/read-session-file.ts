/** Reads the file of an exported session, line by line, and believes nothing of it. Whatever is wrong is said with its place. */
import { fromJson, type DescMessage, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { messageOf, truncated, WatchpostError } from "../../model/errors.ts";
import {
  METRIC_NAME_LENGTH_MAX,
  SOURCE_BYTES_MAX,
  TAG_KEY_BYTES_MAX,
  TAG_VALUE_BYTES_MAX,
  TAGS_MAX,
} from "../../model/limits.ts";
import { seriesKey } from "../../model/series-key.ts";
import { SilenceSchema, type Silence } from "../../wire/gen/alerts_pb.ts";
import { AnnotationSchema, type Annotation } from "../../wire/gen/annotations_pb.ts";
import { CollaborationMessageSchema, SessionSchema } from "../../wire/gen/collaboration_pb.ts";
import type { CollaborationMessage, Session } from "../../wire/gen/collaboration_pb.ts";
import { IssueSchema, type Issue } from "../../wire/gen/issues_pb.ts";
import { ReplayAlertSchema, type ReplayAlert } from "../../wire/gen/replay_pb.ts";
import { sessionIdIn } from "../../model/texts.ts";
import type { ArrivedPoints } from "./points.ts";
import type { Heard, Standing, TimeRange, View } from "./recording.ts";
import { SERIES_MAX } from "./session-series.ts";
import { CONTENT_BYTES_MAX, LINE_BYTES_MAX, LINE_KINDS, MISSING_MAX, noLines, ROWS_A_LINE } from "./session-file.ts";
import { SESSION_FILE_FORMAT, SESSION_FILE_MAGIC, type LineKind } from "./session-file.ts";

export type FileLine =
  | {
      readonly kind: "header";
      readonly session: Session;
      readonly range: TimeRange;
      readonly missing: readonly string[];
    }
  | { readonly kind: "series"; readonly key: string }
  | { readonly kind: "standing"; readonly view: View; readonly standing: Standing }
  | ({ readonly kind: "message" } & Heard<CollaborationMessage>)
  | ({ readonly kind: "alert" } & Heard<ReplayAlert>)
  | { readonly kind: "silence"; readonly silence: Silence }
  | { readonly kind: "annotation"; readonly annotation: Annotation }
  | { readonly kind: "issue"; readonly issue: Issue }
  | { readonly kind: "points"; readonly points: ArrivedPoints }
  | { readonly kind: "trailer"; readonly missing: readonly string[] };

type Fields = Readonly<Record<string, unknown>>;

const MAGIC_BYTES_MAX = 64;
const KEPT_TYPES = new Set(["chat", "action", "update", "annotation", "issue", "system"]);
const [TIME_US_MAX, ARRIVAL_S_MAX] = [2 ** 53, 2 ** 33];
const MISSING_LENGTH_MAX = 1_000;

/**
 * Each line, checked, to the trailer. Throws INVALID_ARGUMENT, naming the line, for what is damaged, cut off, of another version
 * or makes no sense, RESOURCE_EXHAUSTED where it unpacks to more than 512 MiB.
 */
export async function* readSessionFile(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<FileLine> {
  const reader = new LineReader();
  for await (const line of textLines(pieces, () => reader.number)) {
    const read = reader.read(line);
    yield read;
  }
  reader.end();
}

/** What lines before one say about it. */
class LineReader {
  readonly #counts = noLines();
  readonly #hash = new Bun.CryptoHasher("sha256");
  readonly #keys = new Set<string>();
  readonly #views = new Set<View>();
  #rank = -1;
  #messageMs = -Infinity;
  #messageNumber = 0;
  #alertMs = -Infinity;
  #arrivalS = 0;
  /** Lines that are read. */
  number = 0;

  /** Throws where it may not stand here. */
  read(text: string): FileLine {
    this.number++;
    const before = this.#hash.copy().digest("hex");
    this.#hash.update(`${text}\n`);
    try {
      return this.#read(text, before);
    } catch (error) {
      throw fileError(this.number, messageOf(error));
    }
  }

  end(): void {
    if (this.#rank !== LINE_KINDS.length - 1)
      throw fileError(this.number, "the file ends behind it, without a trailer");
  }

  #read(text: string, hashBefore: string): FileLine {
    const line = fieldsIn(JSON.parse(text), "the line");
    const [kind] = Object.keys(line);
    const rank = LINE_KINDS.indexOf(kind as LineKind);
    if (rank < 0) throw new Error(`what it is, ${JSON.stringify(truncated(String(kind), 40))}, is not known`);
    if (this.#rank < 0 && rank !== 0) throw new Error("the first line is no header");
    const isOnce = kind === "header" || kind === "trailer";
    if (rank < this.#rank || (isOnce && rank === this.#rank)) throw new Error(`a ${kind} may not stand here`);
    this.#rank = rank;
    const value = line[kind];
    const read = this.#value(kind as LineKind, fieldsIn(value, kind), value as JsonValue, hashBefore);
    this.#counts[read.kind]++;
    return read;
  }

  #value(kind: LineKind, fields: Fields, value: JsonValue, hashBefore: string): FileLine {
    switch (kind) {
      case "header":
        return { kind, ...headerIn(fields) };
      case "series": {
        const key = seriesIn(fields);
        if (this.#keys.has(key)) throw new Error("the series was named before");
        if (this.#keys.size >= SERIES_MAX) throw new Error(`there are more than ${SERIES_MAX} series`);
        this.#keys.add(key);
        return { kind, key };
      }
      case "standing":
        return { kind, ...this.#standing(fields) };
      case "message":
        return { kind, ...this.#message(fields) };
      case "alert": {
        const atMs = timeMsIn(fields, this.#alertMs);
        this.#alertMs = atMs;
        return { kind, atMs, what: messageIn(ReplayAlertSchema, fields["alert"] as JsonValue) };
      }
      case "silence":
        return { kind, silence: messageIn(SilenceSchema, value) };
      case "annotation":
        return { kind, annotation: messageIn(AnnotationSchema, value) };
      case "issue":
        return { kind, issue: messageIn(IssueSchema, value) };
      case "points":
        return { kind, points: this.#points(fields) };
      case "trailer":
        return { kind, missing: this.#trailer(fields, hashBefore) };
    }
  }

  #standing(fields: Fields): { view: View; standing: Standing } {
    const { view } = fields;
    if (view !== "as_seen" && view !== "as_known_now") throw new Error("view is neither as_seen nor as_known_now");
    if (this.#views.has(view)) throw new Error(`what stood ${view} was said before`);
    this.#views.add(view);
    const slots = this.#slots(fields);
    const [times, given] = [timesIn(fields, slots.length), valuesIn(fields, slots.length)];
    const timesUs = new Float64Array(this.#keys.size).fill(NaN);
    const values = new Float64Array(this.#keys.size).fill(NaN);
    slots.forEach((slot, i) => ([timesUs[slot], values[slot]] = [times[i], given[i]]));
    return { view, standing: { timesUs, values } };
  }

  #message(fields: Fields): Heard<CollaborationMessage> {
    const atMs = timeMsIn(fields, this.#messageMs);
    const what = messageIn(CollaborationMessageSchema, fields["message"] as JsonValue);
    if (!KEPT_TYPES.has(what.messageType)) throw new Error(`a message of type ${JSON.stringify(what.messageType)}`);
    if (what.number <= this.#messageNumber) throw new Error("messages do not count up");
    this.#messageMs = atMs;
    this.#messageNumber = Number(what.number);
    return { atMs, what };
  }

  #points(fields: Fields): ArrivedPoints {
    const slots = this.#slots(fields);
    const arrivalsS = numbersIn(fields["arrivalsS"], "arrivalsS", slots.length, (arrivalS) => {
      const fits = Number.isInteger(arrivalS) && arrivalS >= this.#arrivalS && arrivalS < ARRIVAL_S_MAX;
      if (fits) this.#arrivalS = arrivalS;
      return fits;
    });
    return { slots, timesUs: timesIn(fields, slots.length), values: valuesIn(fields, slots.length), arrivalsS };
  }

  #slots({ slots }: Fields): Uint32Array {
    if (!Array.isArray(slots) || slots.length > ROWS_A_LINE)
      throw new Error(`slots are no list of at most ${ROWS_A_LINE}`);
    const isSlot = (slot: number) => Number.isInteger(slot) && slot >= 0 && slot < this.#keys.size;
    return Uint32Array.from(numbersIn(slots, "slots", slots.length, isSlot));
  }

  #trailer({ lines, sha256, missing }: Fields, hashBefore: string): readonly string[] {
    const counted = fieldsIn(lines, "lines");
    for (const kind of LINE_KINDS) {
      if (kind !== "trailer" && counted[kind] !== this.#counts[kind]) {
        throw new Error(`it counts ${String(counted[kind])} lines of ${kind}, and there are ${this.#counts[kind]}`);
      }
    }
    if (sha256 !== hashBefore) throw new Error("the lines before do not match its checksum");
    return missingIn({ missing });
  }
}

/** Unpacked, as it is read: what is not asked for is not unpacked. */
async function* textLines(pieces: AsyncIterable<Uint8Array>, lineNumber: () => number): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest: Uint8Array[] = [];
  let [restBytes, bytes] = [0, 0];
  for await (const piece of unpacked(pieces, lineNumber)) {
    bytes += piece.length;
    if (bytes > CONTENT_BYTES_MAX) {
      const message = `the session file unpacks to more than ${CONTENT_BYTES_MAX} bytes (line ${lineNumber() + 1})`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message);
    }
    let from = 0;
    for (let end; (end = piece.indexOf(10, from)) >= 0; from = end + 1) {
      const line = Buffer.concat([...rest, piece.subarray(from, end)]);
      [rest, restBytes] = [[], 0];
      yield decoded(line);
    }
    if (from === piece.length) continue;
    rest.push(piece.slice(from));
    restBytes += piece.length - from;
    if (restBytes > LINE_BYTES_MAX) throw fileError(lineNumber() + 1, `it is longer than ${LINE_BYTES_MAX} bytes`);
  }
  if (restBytes > 0) throw fileError(lineNumber() + 1, "the file ends in the middle of it");

  function decoded(line: Uint8Array): string {
    try {
      return decoder.decode(line);
    } catch {
      throw fileError(lineNumber() + 1, "it is no UTF-8");
    }
  }
}

async function* unpacked(pieces: AsyncIterable<Uint8Array>, lineNumber: () => number): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  const source = Readable.from(packed(pieces), { objectMode: false });
  source.on("error", (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  try {
    for await (const piece of gunzip) yield piece as Uint8Array;
  } catch (error) {
    if (error instanceof WatchpostError) throw error;
    throw fileError(lineNumber() + 1, `the file is damaged or cut off there: ${messageOf(error)}`);
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

/** What stands behind the first line. */
async function* packed(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Buffer | null = Buffer.alloc(0);
  for await (const piece of pieces) {
    if (head === null) {
      yield piece;
      continue;
    }
    head = Buffer.concat([head, piece]);
    const end = head.subarray(0, MAGIC_BYTES_MAX).indexOf(10);
    if (end < 0 && head.length < MAGIC_BYTES_MAX) continue;
    checkMagic(head.subarray(0, Math.max(0, end)).toString("latin1"));
    if (end + 1 < head.length) yield head.subarray(end + 1);
    head = null;
  }
  if (head !== null) checkMagic("");
}

function checkMagic(line: string): void {
  const version = line.slice(SESSION_FILE_MAGIC.length);
  if (!line.startsWith(SESSION_FILE_MAGIC) || !/^\d{1,9}$/.test(version)) {
    throw new WatchpostError("INVALID_ARGUMENT", "it is no session file: its first line does not say so");
  }
  if (Number(version) === SESSION_FILE_FORMAT) return;
  const message = `the session file has format ${version}, and this version reads ${SESSION_FILE_FORMAT}: a later version wrote it`;
  throw new WatchpostError("FAILED_PRECONDITION", message);
}

function headerIn(fields: Fields): { session: Session; range: TimeRange; missing: readonly string[] } {
  const { fromUs, toUs } = fields;
  const session = messageIn(SessionSchema, fields["session"] as JsonValue);
  sessionIdIn(session.id, "session.id");
  if (isTime(fromUs) && isTime(toUs) && fromUs < toUs)
    return { session, range: { fromUs, toUs }, missing: missingIn(fields) };
  throw new Error("fromUs and toUs are no range");
}

/** What the file has not, sentence by sentence. */
function missingIn({ missing = [] }: Fields): readonly string[] {
  const isSentence = (text: unknown) => typeof text === "string" && text.length <= MISSING_LENGTH_MAX;
  if (Array.isArray(missing) && missing.length <= MISSING_MAX && missing.every(isSentence)) return missing as string[];
  throw new Error("missing is no list of sentences");
}

function seriesIn({ metric, source, tags }: Fields): string {
  const texts = Object.entries(fieldsIn(tags, "tags"));
  const fits = (text: unknown, max: number): text is string =>
    typeof text === "string" && Buffer.byteLength(text) <= max && !text.includes("\0");
  const isFit =
    fits(metric, 4 * METRIC_NAME_LENGTH_MAX) &&
    metric !== "" &&
    fits(source, SOURCE_BYTES_MAX) &&
    texts.length <= TAGS_MAX &&
    texts.every(([tag, value]) => fits(tag, TAG_KEY_BYTES_MAX) && fits(value, TAG_VALUE_BYTES_MAX));
  if (isFit) return seriesKey(metric, source, texts as [string, string][]);
  throw new Error("what names the series is too long, or no text");
}

function timeMsIn({ atMs }: Fields, leastMs: number): number {
  if (typeof atMs === "number" && isTime(atMs * 1_000) && atMs >= leastMs) return atMs;
  throw new Error(
    `atMs is ${truncated(String(atMs), 40)}; wanted milliseconds since 1970, never before those of the line before`,
  );
}

function timesIn({ timesUs }: Fields, length: number): Float64Array {
  return numbersIn(timesUs, "timesUs", length, (timeUs) => isTime(timeUs) && Number.isInteger(timeUs));
}

function valuesIn({ values }: Fields, length: number): Float64Array {
  const numbers = Array.isArray(values) ? values.map((value: unknown) => (value === "-0" ? -0 : value)) : values;
  return numbersIn(numbers, "values", length, Number.isFinite);
}

function numbersIn(list: unknown, field: string, length: number, fits: (value: number) => boolean): Float64Array {
  if (!Array.isArray(list) || list.length !== length) throw new Error(`${field} is no list of ${length}`);
  const wrong = list.findIndex((value) => typeof value !== "number" || !fits(value));
  if (wrong < 0) return Float64Array.from(list as number[]);
  throw new Error(`${field}[${wrong}] is ${truncated(String(JSON.stringify(list[wrong])), 40)}, which it may not be`);
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < TIME_US_MAX;
}

function fieldsIn(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Error(`${what} is no object`);
}

function messageIn<D extends DescMessage>(schema: D, json: JsonValue): MessageShape<D> {
  return fromJson(schema, json, { ignoreUnknownFields: true });
}

export function fileError(line: number, why: string): WatchpostError {
  return new WatchpostError("INVALID_ARGUMENT", `the session file is not what it should be, line ${line}: ${why}`);
}
