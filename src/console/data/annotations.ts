/** Annotations as they are now: one stream for all charts of the page, from the earliest time that any of them shows. */
import type { CallOptions } from "@connectrpc/connect";
import { computed, signal } from "@preact/signals";
import { compileChart } from "../../wire/annotation-chart.ts";
import { timestampOfMs } from "../../wire/timestamp.ts";
import type { Annotation, AnnotationEvent } from "../../wire/gen/annotations_pb.ts";
import type { PlotAnnotation } from "../charts/plot-model.ts";
import { collaborationApi } from "../api.ts";
import { following } from "../follow.ts";
import { msOf } from "../format.ts";
import type { AnnotatedChart } from "./annotation-pin.ts";
import { SharedRange } from "./shared-range.ts";
import { Standing } from "./standing.ts";

/** Of more the earliest are left out, and the page says so. */
const HELD_MAX = 5_000;
/** Ranges that move on do not begin the stream anew. */
const BEGIN_STEP_MS = 3_600_000;

const standing = new Standing<Annotation>();
export const annotations = standing.all;
export const areAnnotationsCut = signal(false);

/** Follows those from a time on, for as long as nobody calls what it returns. */
export function wantAnnotations(fromMs: number): () => void {
  return range.want(fromMs);
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

function followFrom(fromMs: number): () => void {
  let held = 0;
  const begin = () => {
    standing.begin();
    held = 0;
    areAnnotationsCut.value = false;
  };
  const open = (cursor: string, options: CallOptions) => {
    const from = cursor === "" ? { from: timestampOfMs(fromMs) } : {};
    return collaborationApi.watchAnnotations({ cursor, ...from }, options);
  };
  const hear = ({ annotation, removed, snapshotEnd }: AnnotationEvent) => {
    if (snapshotEnd) return standing.known();
    if (annotation === undefined) return;
    const isHeld = standing.get(annotation.id) !== undefined;
    if (removed || annotation.removed) {
      if (isHeld) held--;
      standing.put(annotation.id, undefined);
    } else if (isHeld || held < HELD_MAX) {
      if (!isHeld) held++;
      standing.put(annotation.id, annotation);
    } else areAnnotationsCut.value = true;
  };
  return following<AnnotationEvent>("annotations", { begin, open, hear })();
}

const range = new SharedRange(followFrom, BEGIN_STEP_MS, (run) => setTimeout(run));
