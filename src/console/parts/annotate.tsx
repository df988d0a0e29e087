/** Notes on charts: drawn over them by dragging, or typed; shown to all at once. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { Annotation } from "../../wire/gen/annotations_pb.ts";
import type { PlotAnnotation, PlotRange } from "../charts/plot-model.ts";
import type { AnnotatedChart } from "../data/annotation-pin.ts";
import { annotationsOn, annotations, plotted, wantAnnotations } from "../data/annotations.ts";
import { countText } from "../format.ts";
import { lazy } from "../lazy.tsx";
import type { EditedAnnotation } from "./annotation-dialog.tsx";
import { Collaboration } from "../../wire/gen/collaboration_pb.ts";
import { may } from "../who.ts";

const AnnotationDialog = lazy(async () => (await import("./annotation-dialog.tsx")).AnnotationDialog);
const AnnotationList = lazy(async () => (await import("./annotation-list.tsx")).AnnotationList);

/** What a plot needs for it, and the dialogs beside it. */
export interface Annotating {
  readonly annotations: readonly PlotAnnotation[];
  readonly isSelecting: boolean;
  onSelect(range: PlotRange): void;
  readonly toolbar: ComponentChildren;
  readonly dialogs: ComponentChildren;
}

/** `charts`: what one plot shows, new notes are of the first. `range`: what is shown; as it moves on nothing is asked anew. */
export function useAnnotating(
  charts: readonly AnnotatedChart[],
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Annotating {
  const isDrawing = useSignal(false);
  const edited = useSignal<EditedAnnotation | undefined>(undefined);
  const isListed = useSignal(false);
  const [chart = NO_CHART] = charts;
  const key = JSON.stringify(charts.map(({ metric, filters }) => [metric, filters]));
  const beginMs = Math.floor(fromMs / BEGIN_STEP_MS);
  useEffect(() => wantAnnotations(fromMs), [beginMs]);
  const found = useMemo(() => [...new Set(charts.flatMap(annotationsOn))], [annotations.value, key]);
  const drawn = useMemo(() => found.map(plotted), [found]);
  const shown = found.filter((each) => touches(plotted(each), fromMs, toMs));
  const canAnnotate = may(Collaboration.method.createAnnotation);
  const edit = (one: EditedAnnotation) => {
    if (!canAnnotate) return;
    isDrawing.value = false;
    isListed.value = false;
    edited.value = one;
  };
  return {
    annotations: drawn,
    isSelecting: isDrawing.value,
    onSelect: (range) => edit({ chart, fromMs: range.fromMs, toMs: range.toMs }),
    toolbar: (
      <>
        {shown.length > 0 && (
          <button type="button" class="quiet" onClick={() => (isListed.value = true)}>
            {countText(shown.length)} {shown.length === 1 ? "note" : "notes"}
          </button>
        )}
        {canAnnotate && (
          <button
            type="button"
            class="quiet"
            aria-pressed={isDrawing.value}
            title="Draw a range on the chart, or drag with Alt; Enter: type the times"
            onClick={({ detail }) => {
              // With the keyboard nothing can be drawn.
              if (detail === 0) edit({ chart, fromMs: toMs });
              else isDrawing.value = !isDrawing.value;
            }}
          >
            Annotate
          </button>
        )}
        {isDrawing.value && (
          <span role="status" class="dim">
            Draw a range, or{" "}
            <button type="button" class="quiet" onClick={() => edit({ chart, fromMs: toMs })}>
              type the times
            </button>
          </span>
        )}
      </>
    ),
    dialogs: (
      <>
        {edited.value !== undefined && (
          <AnnotationDialog edited={edited.value} onClose={() => (edited.value = undefined)} />
        )}
        {isListed.value && (
          <AnnotationList
            all={shown}
            onEdit={(annotation: Annotation) => edit({ chart, annotation, ...plotted(annotation) })}
            onClose={() => (isListed.value = false)}
          />
        )}
      </>
    ),
  };
}

const NO_CHART: AnnotatedChart = { metric: "", filters: {} };
const BEGIN_STEP_MS = 3_600_000;

function touches(
  { fromMs, toMs = fromMs }: { fromMs: number; toMs?: number },
  beginMs: number,
  endMs: number,
): boolean {
  return toMs >= beginMs && fromMs <= endMs;
}
