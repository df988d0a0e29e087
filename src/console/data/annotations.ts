/** Annotations as they are now: one stream for all charts of the page, from the earliest time that any of them shows. */
import { computed, signal } from "@preact/signals";
import { compileChart } from "../../wire/annotation-chart.ts";
import { timestampOfMs } from "../../wire/timestamp.ts";
import type { Annotation, AnnotationEvent } from "../../wire/gen/annotations_pb.ts";
import type { PlotAnnotation } from "../charts/plot-model.ts";
import { collaborationApi } from "../api.ts";
import { follow } from "../follow.ts";
import { msOf } from "../format.ts";
import type { AnnotatedChart } from "./annotation-pin.ts";
import { Standing } from "./standing.ts";

/** Of more the earliest are left out, and the page says so. */
const HELD_MAX = 5_000;
/** Ranges that move on do not begin the stream anew. */
const BEGIN_STEP_MS = 3_600_000;

const standing = new Standing<Annotation>();
export const annotations = standing.all;
export const areAnnotationsCut = signal(false);

const wanted = new Map<object, number>();
let followed: { readonly fromMs: number; stop(): void } | undefined;
let isDue = false;

/** Follows those from a time on, for as long as nobody calls what it returns. */
export function wantAnnotations(fromMs: number): () => void {
  const key = {};
  wanted.set(key, fromMs);
  settleSoon();
  return () => {
    wanted.delete(key);
    settleSoon();
  };
}

/** Those on a chart. */
export function annotationsOn({ metric, filters }: AnnotatedChart): readonly Annotation[] {
  const { source = "", device = "", ...seriesTags } = filters;
  const chart = { metric: metric === "*" ? "" : metric, source, device, seriesTags, oneSeries: false };
  try {
    const shows = compileChart(chart, "filter");
    return sorted.value.filter(({ pin }) => pin !== undefined && shows(pin));
  } catch {
    // Of a filter that no annotation can be asked for by: the chart says what is wrong with it.
    return [];
  }
}

export function plotted({ id, from, to, text, author }: Annotation): PlotAnnotation {
  const toMs = msOf(to);
  return { id, fromMs: msOf(from) ?? 0, ...(toMs !== undefined && { toMs }), text, author };
}

/** The latest first. */
const sorted = computed(() => {
  return [...standing.all.value.values()].sort((a, b) => (msOf(b.from) ?? 0) - (msOf(a.from) ?? 0));
});

/** Charts of one page come and go together. */
function settleSoon(): void {
  if (isDue) return;
  isDue = true;
  setTimeout(() => {
    isDue = false;
    settle();
  });
}

function settle(): void {
  const fromMs = Math.floor(Math.min(...wanted.values()) / BEGIN_STEP_MS) * BEGIN_STEP_MS;
  if (wanted.size > 0 && followed !== undefined && followed.fromMs <= fromMs) return;
  followed?.stop();
  followed = wanted.size === 0 ? undefined : { fromMs, stop: followFrom(Math.max(0, fromMs)) };
}

function followFrom(fromMs: number): () => void {
  let cursor = "";
  let held = 0;
  const open: Parameters<typeof follow<AnnotationEvent>>[0] = (options) => {
    if (cursor === "") {
      standing.begin();
      held = 0;
      areAnnotationsCut.value = false;
    }
    return collaborationApi.watchAnnotations(
      { cursor, ...(cursor === "" && { from: timestampOfMs(fromMs) }) },
      options,
    );
  };
  const hear = ({ annotation, removed, cursor: after, snapshotEnd }: AnnotationEvent) => {
    if (after !== "") cursor = after;
    if (snapshotEnd) return standing.known();
    if (annotation === undefined) return;
    if (removed || annotation.removed) standing.put(annotation.id, undefined);
    else if (held < HELD_MAX || standing.get(annotation.id) !== undefined) {
      held++;
      standing.put(annotation.id, annotation);
    } else areAnnotationsCut.value = true;
  };
  return follow(open, hear, { what: "annotations" });
}
