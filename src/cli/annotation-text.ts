/** Annotations as text for people; all of it comes from the wire and is shown without what steers a terminal. */
import { toJson } from "@bufbuild/protobuf";
import { AnnotationSchema, type Annotation } from "../wire/gen/annotations_pb.ts";
import { oneLine, secondOf, shortIds } from "./alert-text.ts";
import { textTable } from "./text-table.ts";
import { printable } from "./watch-table.ts";

/** A line: the message as JSON, as over HTTP. */
export function annotationJson(annotation: Annotation): string {
  return `${JSON.stringify(toJson(AnnotationSchema, annotation))}\n`;
}

/** What it is pinned to, such as "temperature pump-1 site=north". */
export function aboutOf({ pin }: Annotation): string {
  if (pin === undefined) return "-";
  const { metric, source, tags, device, alertId, sessionId } = pin;
  const parts = [
    metric,
    device,
    source === "" ? "" : `source=${source}`,
    ...Object.entries(tags).map(([key, value]) => `${key}=${value}`),
    alertId === "" ? "" : `alert ${shortIds([alertId]).get(alertId)}`,
    sessionId === "" ? "" : `session ${sessionId}`,
  ];
  return printable(parts.filter((part) => part !== "").join(" "));
}

/** A line for titles and one for each, in the order given; "" where there is none. */
export function annotationTable(annotations: readonly Annotation[]): string {
  const ids = shortIds(annotations.map(({ id }) => id));
  const hasEnds = annotations.some(({ to }) => to !== undefined);
  const hasTags = annotations.some(({ tags }) => tags.length > 0);
  return textTable(
    [
      { title: "ID", cell: ({ id }: Annotation) => printable(ids.get(id)!) },
      { title: "FROM", cell: ({ from }) => secondOf(from) },
      ...(hasEnds ? [{ title: "TO", cell: ({ to }: Annotation) => secondOf(to) }] : []),
      { title: "ABOUT", cell: aboutOf },
      { title: "BY", cell: ({ author }) => printable(author) || "-" },
      ...(hasTags ? [{ title: "TAGS", cell: ({ tags }: Annotation) => printable(tags.join(",")) }] : []),
      { title: "TEXT", cell: ({ text, removed }) => `${oneLine(text)}${removed ? " (removed)" : ""}` },
    ],
    annotations,
  );
}

/** One in a line: when, which, what was done, by whom, what it is about and what it says. */
export function annotationLine(annotation: Annotation, done: string): string {
  const { id, from, to, author, editedBy, editedAt, text } = annotation;
  const by = printable(editedAt === undefined ? author : editedBy);
  const end = to === undefined ? "" : ` to ${secondOf(to)}`;
  const parts = [
    `${secondOf(from)}${end}`,
    printable(shortIds([id]).get(id)!),
    done,
    by,
    aboutOf(annotation),
    oneLine(text),
  ];
  return parts.filter((part) => part !== "").join("  ");
}
