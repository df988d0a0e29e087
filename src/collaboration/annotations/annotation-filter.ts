/** Which annotations a reader means. What a chart shows is said at AnnotationFilter in proto/annotations.proto. */
import { create } from "@bufbuild/protobuf";
import { invalidField } from "../../model/errors.ts";
import { TAGS_MAX } from "../../model/limits.ts";
import { compileGlob } from "../../model/glob.ts";
import {
  AnnotationFilterSchema,
  type Annotation,
  type AnnotationFilter,
  type AnnotationPin,
} from "../../wire/gen/annotations_pb.ts";
import { nameIn } from "../../model/texts.ts";
import { ANNOTATION_TAGS_MAX } from "./annotation-input.ts";

const PATTERN_LENGTH_MAX = 1_024;

export interface AnnotationMatcher {
  /** Whether what is pinned so is on the chart. */
  shows(pin: AnnotationPin): boolean;
  /** Whether it is one of them. */
  takes(annotation: Annotation): boolean;
  /** The same by what no edit changes: where this is false it never was one of them, and never will be. */
  mayTake(annotation: Annotation): boolean;
}

/** Throws INVALID_ARGUMENT for what is out of bounds. */
export function compileAnnotationFilter(
  filter: AnnotationFilter = create(AnnotationFilterSchema),
  field = "filter",
): AnnotationMatcher {
  const { alertId, sessionId, tags, author } = filter;
  nameIn(alertId, `${field}.alert_id`);
  nameIn(sessionId, `${field}.session_id`);
  nameIn(author, `${field}.author`);
  if (tags.length > ANNOTATION_TAGS_MAX) {
    throw invalidField(`${field}.tags`, `${tags.length} tags`, `at most ${ANNOTATION_TAGS_MAX}`);
  }
  const text = nameIn(filter.text, `${field}.text`).toLowerCase();
  const shows = compileChart(filter, field);
  const mayTake = (annotation: Annotation) => {
    const { pin, madeIn } = annotation;
    return (
      pin !== undefined &&
      (alertId === "" || pin.alertId === alertId) &&
      (sessionId === "" || pin.sessionId === sessionId || madeIn === sessionId) &&
      (author === "" || annotation.author === author) &&
      shows(pin)
    );
  };
  return {
    shows,
    mayTake,
    takes: (annotation) =>
      mayTake(annotation) &&
      (tags.length === 0 || tags.some((tag) => annotation.tags.includes(tag))) &&
      (text === "" || annotation.text.toLowerCase().includes(text)),
  };
}

/** One thing that a chart names. */
interface Named {
  /** "" where the pin says nothing of it. */
  of(pin: AnnotationPin): string;
  matches(value: string): boolean;
}

function compileChart(filter: AnnotationFilter, field: string): (pin: AnnotationPin) => boolean {
  const { metric, source, seriesTags, device, oneSeries } = filter;
  const { device: deviceTag = "", ...tags } = seriesTags;
  const count = Object.keys(seriesTags).length;
  if (count > TAGS_MAX) throw invalidField(`${field}.series_tags`, `${count} tags`, `at most ${TAGS_MAX}`);
  const named: Named[] = [];
  const name = (pattern: string, of: Named["of"], fieldOf: string) => {
    if (pattern.length > PATTERN_LENGTH_MAX) {
      throw invalidField(fieldOf, pattern, `at most ${PATTERN_LENGTH_MAX} characters`);
    }
    const isEqual = (value: string) => value === pattern;
    if (pattern !== "") named.push({ of, matches: oneSeries ? isEqual : compileGlob(pattern) });
  };
  name(metric, (pin) => pin.metric, `${field}.metric`);
  name(source, (pin) => pin.source, `${field}.source`);
  name(device, (pin) => pin.device, `${field}.device`);
  name(deviceTag, (pin) => pin.device, `${field}.series_tags["device"]`);
  if (oneSeries && device === "" && deviceTag === "") name(source, (pin) => pin.device, `${field}.source`);
  for (const [key, pattern] of Object.entries(tags)) {
    if (pattern === "") throw invalidField(`${field}.series_tags[${JSON.stringify(key)}]`, pattern, "a value or glob");
    name(
      pattern,
      (pin) => (Object.hasOwn(pin.tags, key) ? pin.tags[key] : ""),
      `${field}.series_tags[${JSON.stringify(key)}]`,
    );
  }
  if (named.length === 0) return () => true;
  const namesMore = ({ metric: m, source: s, device: d, tags: t }: AnnotationPin) =>
    (m !== "" && metric === "") ||
    (s !== "" && source === "") ||
    (d !== "" && device === "" && deviceTag === "" && source === "") ||
    Object.keys(t).some((key) => !Object.hasOwn(tags, key));
  return (pin) => {
    let isAlike = false;
    for (const { of, matches } of named) {
      const value = of(pin);
      if (value === "") continue;
      if (!matches(value)) return false;
      isAlike = true;
    }
    return isAlike && !(oneSeries && namesMore(pin));
  };
}
