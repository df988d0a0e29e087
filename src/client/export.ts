/** Everything a server has of some series and a time range, as a file. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Clock } from "../model/clock.ts";
import { systemClock } from "../model/system-clock.ts";
import {
  MatcherSchema,
  QueryRangeRequestSchema,
  RangeFunction,
  RangePlaceSchema,
  type QueryRangeRequest,
  type RangePlace,
  type SeriesRange,
} from "../wire/gen/history_pb.ts";
import { timestampOfUs } from "../wire/timestamp.ts";
import { compressed } from "./compression.ts";
import type { CallOptions, Connection } from "./connection.ts";
import type { ExportPlace, ExportPlan } from "./export-file.ts";
import { ParquetRows, type ParquetCompression } from "./parquet-rows.ts";
import { csvRows, csvTagColumns, jsonLines, type RowFormat, type SeriesRows } from "./point-text.ts";
import { streamRange, usOfMs } from "./query.ts";

export const EXPORT_FORMATS = ["jsonl", "csv", "parquet"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Where the bytes go. */
export interface ExportOutput {
  write(bytes: Uint8Array): Promise<void>;
  /** What was written is good by itself, and these points are in it. */
  mark(points: number, last: ExportPlace): Promise<void>;
}

/** Which series; all matchers must hold. */
export interface ExportSelection {
  readonly metric: string;
  readonly matchers: readonly MessageInitShape<typeof MatcherSchema>[];
}

export interface ExportOptions extends CallOptions {
  readonly format: ExportFormat;
  readonly compression: ParquetCompression;
  readonly plan: ExportPlan;
  /** Where an export before ended, and how many points it had. */
  readonly resume?: { readonly after: ExportPlace; readonly points: number };
  /** Points so far, those before included. */
  onPoints?(points: number): void;
  /** What the server says of the answer, such as points that retention left only coarser. */
  onNote?(note: string): void;
  /** Some of what was asked for is left out: it is damaged, or on a node that did not answer. */
  onDamage?(): void;
  /** Text is compressed and written in pieces of so many characters. Default 1 Mi. */
  readonly pieceCharacters?: number;
  readonly clock?: Clock;
}

const SLICE_ROWS = 5_000;
const MARK_EVERY_MS = 1_000;
/** The largest step there is: its counts are read from the indexes of the store for the most part. */
const COUNT_STEP_MS = 400n * 86_400_000n;

/** What there is to export, from an answer of counts. */
export async function planExport(
  connection: Connection,
  selection: ExportSelection,
  { fromUs, toUs }: Pick<ExportPlan, "fromUs" | "toUs">,
  options: CallOptions,
): Promise<ExportPlan> {
  const request = { ...requestOf(selection, fromUs, toUs), stepMs: COUNT_STEP_MS, function: RangeFunction.COUNT };
  const keys = new Set<string>();
  let points = 0;
  let series = 0;
  let last: SeriesRange | undefined;
  for await (const part of streamRange(connection, request, options)) {
    for (const one of part.series) {
      if (!isSameSeries(one, last)) series++;
      last = one;
      for (const count of one.values) points += count;
      for (const key of Object.keys(one.tags)) keys.add(key);
    }
  }
  return { fromUs, toUs, points, series, tagColumns: csvTagColumns(keys) };
}

/**
 * Writes all points, series by series, each ascending in time; resolves with how many that were, those of an export
 * before included. When `signal` aborts or it fails, what can go on is marked before it throws.
 */
export async function exportPoints(
  connection: Connection,
  selection: ExportSelection,
  output: ExportOutput,
  options: ExportOptions,
): Promise<number> {
  const { format, compression, plan, resume, onPoints, onNote, onDamage } = options;
  let points = resume?.points ?? 0;
  const sink =
    format === "parquet"
      ? new ParquetRows((bytes) => output.write(bytes), compression)
      : new TextRows(output, format === "csv" ? csvRows(plan.tagColumns) : jsonLines, options);
  const request = requestOf(selection, plan.fromUs, plan.toUs);
  if (resume !== undefined) request.after = rangePlaceOf(resume.after);
  try {
    for await (const part of streamRange(connection, request, options)) {
      for (const note of part.notes) onNote?.(note);
      if (part.damaged || part.partial) onDamage?.();
      for (const { metric, source, tags, timesMs, values } of part.series) {
        await sink.add({ metric, source, tags, timesUs: timesMs.map(usOfMs), values });
        onPoints?.((points += values.length));
      }
    }
    await sink.finish();
    return points;
  } catch (error) {
    // What it failed with is said, not what follows from that.
    if (sink instanceof TextRows) await sink.leave().catch(() => {});
    throw error;
  }
}

function requestOf(
  { metric, matchers }: ExportSelection,
  fromUs: number | null,
  toUs: number | null,
): QueryRangeRequest {
  return create(QueryRangeRequestSchema, {
    metric,
    matchers: matchers.map((each) => create(MatcherSchema, each)),
    ...(fromUs === null ? {} : { from: timestampOfUs(fromUs) }),
    ...(toUs === null ? {} : { to: timestampOfUs(toUs) }),
  });
}

function rangePlaceOf({ metric, source, tags, timeUs }: ExportPlace): RangePlace {
  return create(RangePlaceSchema, { metric, source, tags: Object.fromEntries(tags), time: timestampOfUs(timeUs) });
}

function isSameSeries(one: SeriesRange, other: SeriesRange | undefined): boolean {
  return one.metric === other?.metric && one.source === other.source && Bun.deepEquals(one.tags, other.tags);
}

/** Lines of text, in pieces that are whole by themselves. */
class TextRows {
  readonly #output: ExportOutput;
  readonly #format: RowFormat;
  readonly #options: ExportOptions;
  readonly #clock: Clock;
  #text: string;
  #points: number;
  #last: ExportPlace | undefined;
  /** Of what was written, without the text that waits. */
  #written: { readonly points: number; readonly last: ExportPlace } | undefined;
  #markedAtMs: number;

  constructor(output: ExportOutput, format: RowFormat, options: ExportOptions) {
    this.#output = output;
    this.#format = format;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#text = options.resume === undefined ? format.head : "";
    this.#points = options.resume?.points ?? 0;
    this.#markedAtMs = this.#clock.monotonicMs();
  }

  async add(rows: SeriesRows): Promise<void> {
    const { pieceCharacters = 1024 * 1024 } = this.#options;
    const { metric, source, tags, timesUs } = rows;
    for (let from = 0; from < timesUs.length; from += SLICE_ROWS) {
      const to = Math.min(from + SLICE_ROWS, timesUs.length);
      this.#text += this.#format.text(rows, from, to);
      this.#points += to - from;
      this.#last = { metric, source, tags: Object.entries(tags), timeUs: timesUs[to - 1] };
      if (this.#text.length < pieceCharacters) continue;
      await this.#writePiece();
      if (this.#clock.monotonicMs() - this.#markedAtMs >= MARK_EVERY_MS) await this.#mark();
    }
  }

  async finish(): Promise<void> {
    // No bytes at all are no file for gzip and zstd.
    const isEmpty = this.#written === undefined && this.#options.resume === undefined;
    if (isEmpty || this.#text !== "") await this.#writePiece();
  }

  /** Keeps what there is for the export that goes on. */
  async leave(): Promise<void> {
    if (this.#text !== "") await this.#writePiece();
    await this.#mark();
  }

  async #writePiece(): Promise<void> {
    const { compression } = this.#options;
    const piece = Buffer.from(this.#text);
    await this.#output.write(compression === "snappy" ? piece : await compressed(piece, compression));
    this.#text = "";
    if (this.#last !== undefined) this.#written = { points: this.#points, last: this.#last };
  }

  async #mark(): Promise<void> {
    if (this.#written !== undefined) await this.#output.mark(this.#written.points, this.#written.last);
    this.#markedAtMs = this.#clock.monotonicMs();
  }
}
