/** Which annotations are on a chart, as said at AnnotationFilter in proto/annotations.proto: the server and its console agree. */
import { invalidField } from "../model/errors.ts";
import { compileGlob } from "../model/glob.ts";
import { TAGS_MAX } from "../model/limits.ts";
import type { AnnotationFilter, AnnotationPin } from "./gen/annotations_pb.ts";

const PATTERN_LENGTH_MAX = 1_024;

/** One thing that a chart names. */
interface Named {
  /** "" where the pin says nothing of it. */
  of(pin: AnnotationPin): string;
  matches(value: string): boolean;
}

/** What of a filter says what a chart shows. */
export type AnnotationChart = Pick<AnnotationFilter, "metric" | "source" | "seriesTags" | "device" | "oneSeries">;

/** Whether what is pinned so is on the chart. Throws INVALID_ARGUMENT, with `field` as the filter's name, for what is out of bounds. */
export function compileChart(filter: AnnotationChart, field: string): (pin: AnnotationPin) => boolean {
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
