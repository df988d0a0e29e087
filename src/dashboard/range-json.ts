/**
 * QueryRangeResponse as JSON, the same text as the generated code gives: that looks at every number by itself, and writes
 * all at once. In pieces, so that nothing waits for a large answer to be written.
 */
import { create, fromBinary, toJson } from "@bufbuild/protobuf";
import { QueryRangeResponseSchema, SeriesRangeSchema, type SeriesRange } from "../wire/gen/history_pb.ts";

/** Numbers of a piece. */
const NUMBERS_MAX = 8_192;

/** Pieces of the text of an encoded answer. */
export function* rangeJson(bytes: Uint8Array): Generator<string, void> {
  const { series, pointsTotal, resolutionMs, notes } = fromBinary(QueryRangeResponseSchema, bytes);
  const rest = create(QueryRangeResponseSchema, { pointsTotal, resolutionMs, notes });
  const fields = JSON.stringify(toJson(QueryRangeResponseSchema, rest));
  if (series.length === 0) return yield fields;
  const times = new TimesText();
  yield '{"series":[';
  for (const [i, each] of series.entries()) {
    if (i > 0) yield ",";
    yield* seriesJson(each, times);
  }
  yield fields === "{}" ? "]}" : `],${fields.slice(1)}`;
}

function* seriesJson(
  { metric, source, tags, device, timesMs, values }: SeriesRange,
  times: TimesText,
): Generator<string, void> {
  const name = JSON.stringify(
    toJson(SeriesRangeSchema, create(SeriesRangeSchema, { metric, source, tags, device })),
  ).slice(0, -1);
  yield name;
  if (values.length > 0) {
    yield `${name === "{" ? "" : ","}"timesMs":[`;
    yield* times.of(timesMs);
    yield '],"values":[';
    yield* numbersJson(values);
    yield "]";
  }
  yield "}";
}

/** The series of an answer mostly have the same steps. */
class TimesText {
  #timesMs: readonly number[] = [];
  #pieces: readonly string[] = [];

  of(timesMs: readonly number[]): readonly string[] {
    if (timesMs.length !== this.#timesMs.length || timesMs.some((timeMs, i) => timeMs !== this.#timesMs[i])) {
      this.#timesMs = timesMs;
      this.#pieces = [...numbersJson(timesMs)];
    }
    return this.#pieces;
  }
}

function* numbersJson(numbers: readonly number[]): Generator<string, void> {
  for (let from = 0; from < numbers.length; from += NUMBERS_MAX) {
    const piece = numbers.slice(from, from + NUMBERS_MAX);
    const isPlain = piece.every(Number.isFinite);
    // JSON has no NaN and no infinities: protobuf writes their names.
    const text = JSON.stringify(isPlain ? piece : piece.map((each) => (Number.isFinite(each) ? each : String(each))));
    yield from === 0 ? text.slice(1, -1) : `,${text.slice(1, -1)}`;
  }
}
