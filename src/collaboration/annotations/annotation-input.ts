/** What people give of annotations, checked: what it is about, when, text and tags. All throw INVALID_ARGUMENT. */
import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../../model/errors.ts";
import {
  METRIC_NAME_LENGTH_MAX,
  SOURCE_BYTES_MAX,
  TAG_KEY_BYTES_MAX,
  TAG_VALUE_BYTES_MAX,
  TAGS_MAX,
} from "../../model/limits.ts";
import { AnnotationPinSchema, type AnnotationPin } from "../../wire/gen/annotations_pb.ts";
import { msOfTimestamp } from "../../wire/timestamp.ts";
import { nameIn, sessionIdIn, textIn } from "../../model/texts.ts";

export const ANNOTATION_TEXT_BYTES_MAX = 16 * 1024;
export const ANNOTATION_TAGS_MAX = 32;
const ANNOTATION_TAG_LENGTH_MAX = 128;
/** No glob, which would never be one of a chart's metrics. */
const METRIC_NAME = /^[A-Za-z0-9_.]+$/;
/** The first millisecond that no timestamp can say. */
const TIME_MS_END = Date.UTC(9999, 11, 31) + 86_400_000;

/** The tag device becomes the device. */
export function pinIn({ metric, source, tags, device, alertId, sessionId }: AnnotationPin): AnnotationPin {
  if (metric !== "" && !(METRIC_NAME.test(metric) && metric.length <= METRIC_NAME_LENGTH_MAX)) {
    const wanted = `the name of one metric: letters, digits, '_' and '.', at most ${METRIC_NAME_LENGTH_MAX}`;
    throw invalidField("pin.metric", metric, wanted);
  }
  textIn(source, "pin.source", SOURCE_BYTES_MAX);
  const { device: deviceTag = "", ...others } = seriesTagsIn(tags);
  textIn(device, "pin.device", TAG_VALUE_BYTES_MAX);
  if (device !== "" && deviceTag !== "" && device !== deviceTag) {
    throw invalidField("pin.tags.device", deviceTag, `the same as pin.device, which is ${JSON.stringify(device)}`);
  }
  nameIn(alertId, "pin.alert_id");
  if (sessionId !== "") sessionIdIn(sessionId, "pin.session_id");
  const named = [metric, source, device, deviceTag, alertId, sessionId, ...Object.keys(others)];
  if (named.every((name) => name === "")) {
    throw invalidField("pin", "", "a metric, source, device, tag, alert or session that the annotation is about");
  }
  return create(AnnotationPinSchema, { metric, source, tags: others, device: device || deviceTag, alertId, sessionId });
}

function seriesTagsIn(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(tags);
  if (entries.length > TAGS_MAX) throw invalidField("pin.tags", `${entries.length} tags`, `at most ${TAGS_MAX}`);
  for (const [key, value] of entries) {
    if (key === "") throw invalidField("pin.tags", key, "tags with a name");
    textIn(key, "pin.tags", TAG_KEY_BYTES_MAX);
    const field = `pin.tags[${JSON.stringify(key)}]`;
    if (value === "") throw invalidField(field, value, "the value that the series have");
    textIn(value, field, TAG_VALUE_BYTES_MAX);
  }
  return tags;
}

export function annotationTextIn(text: string): string {
  if (text.trim() === "") throw invalidField("text", text, "some text");
  return textIn(text, "text", ANNOTATION_TEXT_BYTES_MAX);
}

/** Each once. */
export function annotationTagsIn(tags: readonly string[]): string[] {
  if (tags.length > ANNOTATION_TAGS_MAX) {
    throw invalidField("tags", `${tags.length} tags`, `at most ${ANNOTATION_TAGS_MAX}`);
  }
  for (const tag of tags) {
    if (tag.trim() !== "" && tag.length <= ANNOTATION_TAG_LENGTH_MAX) continue;
    throw invalidField("tags", tag, `each 1 to ${ANNOTATION_TAG_LENGTH_MAX} characters`);
  }
  return [...new Set(tags)];
}

/** Unix milliseconds, which may have a fraction. */
export function timeMsIn(time: Pick<Timestamp, "seconds" | "nanos">, field: string): number {
  const timeMs = msOfTimestamp(time);
  const isTime = time.nanos >= 0 && time.nanos < 1e9 && timeMs >= 0 && timeMs < TIME_MS_END;
  if (isTime) return timeMs;
  throw invalidField(field, `${time.seconds} s since 1970`, "a time from 1970 to the year 9999");
}

/** `toMs` null: it is at one time. */
export function checkSpan(fromMs: number, toMs: number | null): void {
  if (toMs === null || toMs > fromMs) return;
  const [from, to] = [fromMs, toMs].map((timeMs) => new Date(timeMs).toISOString());
  throw invalidField("to", to, `a time after ${from}, where it begins; none where it is at one time`);
}
