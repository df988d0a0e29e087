/** Which annotations a reader means. What a chart shows is said at AnnotationFilter in proto/annotations.proto. */
import { create } from "@bufbuild/protobuf";
import { invalidField } from "../../model/errors.ts";
import {
  AnnotationFilterSchema,
  type Annotation,
  type AnnotationFilter,
  type AnnotationPin,
} from "../../wire/gen/annotations_pb.ts";
import { nameIn } from "../../model/texts.ts";
import { compileChart } from "../../wire/annotation-chart.ts";
import { ANNOTATION_TAGS_MAX } from "./annotation-input.ts";

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
