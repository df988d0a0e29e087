/** A series as Prometheus writes it, `temp{source="gw-1",device="pump-1"}`: its source is a label. */
import {
  METRIC_NAME_LENGTH_MAX,
  SOURCE_BYTES_MAX,
  TAG_KEY_BYTES_MAX,
  TAG_VALUE_BYTES_MAX,
} from "../../model/limits.ts";
import { seriesKey } from "../../model/series-key.ts";

export interface TestedSeries {
  /** Canonical. */
  readonly key: string;
  readonly source: string;
}

/** Of a series without the label "source". */
const SOURCE = "test";
const SYNTAX = /^\s*([^\s{}"]+)\s*(?:\{(.*)\}\s*)?$/s;
const LABEL = /\s*(?:"((?:[^"\\]|\\.)+)"|([^\s"=!~,{}]+))\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|$)/sy;
const WANTED = 'wanted a metric and its labels, such as temp{source="gw-1",device="pump-1"}';

/** Throws RangeError with what was wanted. */
export function parseSeries(text: string): TestedSeries {
  const [, metric, written = ""] = SYNTAX.exec(text) ?? [];
  if (metric === undefined || text.includes("\0")) throw new RangeError(WANTED);
  const labels = labelsOf(written);
  const source = labels.get("source") ?? SOURCE;
  labels.delete("source");
  if (metric.length > METRIC_NAME_LENGTH_MAX) throw tooLong("a metric", `${METRIC_NAME_LENGTH_MAX} characters`);
  if (Buffer.byteLength(source) > SOURCE_BYTES_MAX) throw tooLong("a source", `${SOURCE_BYTES_MAX} bytes`);
  return { key: seriesKey(metric, source, labels), source };
}

function labelsOf(written: string): Map<string, string> {
  const labels = new Map<string, string>();
  for (let at = 0; at < written.trimEnd().length; at = LABEL.lastIndex) {
    LABEL.lastIndex = at;
    const [whole, quoted, name, value] = LABEL.exec(written) ?? [];
    if (whole === undefined) throw new RangeError(WANTED);
    const key = unescaped(quoted ?? name);
    if (labels.has(key)) throw new RangeError(`wanted ${key} once`);
    if (value === "") throw new RangeError(`wanted a value of ${key}: a tag is not empty`);
    if (Buffer.byteLength(key) > TAG_KEY_BYTES_MAX) throw tooLong("a tag's name", `${TAG_KEY_BYTES_MAX} bytes`);
    if (Buffer.byteLength(value) > TAG_VALUE_BYTES_MAX) throw tooLong("a tag", `${TAG_VALUE_BYTES_MAX} bytes`);
    labels.set(key, unescaped(value));
  }
  return labels;
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/gs, (_, letter: string) => (letter === "n" ? "\n" : letter === "t" ? "\t" : letter));
}

function tooLong(what: string, most: string): RangeError {
  return new RangeError(`wanted ${what} of at most ${most}`);
}
