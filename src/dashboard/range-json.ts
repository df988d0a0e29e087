/**
 * QueryRangeResponse as JSON, the same text as the generated code gives: that looks at every number by itself, and writes
 * all at once. In pieces, so that nothing waits for a large answer to be written.
 */
import { create, toJson } from "@bufbuild/protobuf";
import { QueryRangeResponseSchema } from "../wire/gen/history_pb.ts";
import { columnsOf, restOf, type RangeAnswer, type RangeName } from "./range-answer.ts";

/** Numbers of a piece. */
const NUMBERS_MAX = 8_192;
const US_PER_MS = 1_000;

export function* rangeJson(answer: RangeAnswer): Generator<string, void> {
  const fields = JSON.stringify(toJson(QueryRangeResponseSchema, create(QueryRangeResponseSchema, restOf(answer))));
  const { slots } = answer.result;
  if (slots.length === 0) return yield fields;
  const times = new TimesText();
  for (let i = 0; i < slots.length; i++) {
    const { timesUs, values } = columnsOf(answer.result, i);
    const named = answer.nameOf(slots[i]);
    const name = nameJson(named);
    yield (i === 0 ? '{"series":[' : ",") + name;
    if (values.length > 0) {
      yield `${name === "{" ? "" : ","}"timesMs":[`;
      yield* times.of(timesUs);
      yield '],"values":[';
      yield* numbersJson(values, 1);
      yield "]";
    }
    const isFirst = name === "{" && values.length === 0;
    yield named.unit === "" ? "}" : `${isFirst ? "" : ","}"unit":${JSON.stringify(named.unit)}}`;
  }
  yield fields === "{}" ? "]}" : `],${fields.slice(1)}`;
}

/** The fields of a SeriesRange that are no columns, left open. */
function nameJson({ metric, source, tags, device }: RangeName): string {
  const fields = {
    ...(metric === "" ? {} : { metric }),
    ...(source === "" ? {} : { source }),
    ...(isEmpty(tags) ? {} : { tags }),
    ...(device === "" ? {} : { device }),
  };
  return JSON.stringify(fields).slice(0, -1);
}

function isEmpty(tags: RangeName["tags"]): boolean {
  for (const _ in tags) return false;
  return true;
}

/** The series of an answer mostly have the same steps. Of long ones the text is not kept: it would be written at once. */
class TimesText {
  #timesUs: Float64Array = new Float64Array(0);
  #pieces: readonly string[] = [];

  of(timesUs: Float64Array): Iterable<string> {
    if (timesUs.length > NUMBERS_MAX) return numbersJson(timesUs, US_PER_MS);
    if (!areEqual(timesUs, this.#timesUs)) {
      this.#timesUs = timesUs;
      this.#pieces = [...numbersJson(timesUs, US_PER_MS)];
    }
    return this.#pieces;
  }
}

function areEqual(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Of `numbers` divided by `divisor`, without brackets. */
function* numbersJson(numbers: Float64Array, divisor: number): Generator<string, void> {
  for (let from = 0; from < numbers.length; from += NUMBERS_MAX) {
    const to = Math.min(from + NUMBERS_MAX, numbers.length);
    const piece: (number | string)[] = [];
    for (let i = from; i < to; i++) {
      const number = numbers[i] / divisor;
      // JSON has no NaN and no infinities: protobuf writes their names.
      piece.push(Number.isFinite(number) ? number : String(number));
    }
    const text = JSON.stringify(piece).slice(1, -1);
    yield from === 0 ? text : `,${text}`;
  }
}
