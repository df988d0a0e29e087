import { useMemo, useRef, useState } from "preact/hooks";
import type { Panel } from "../../../wire/gen/saved_dashboards_pb.ts";
import { inReadingOrder, rowsOf, type Rect } from "./grid-layout.ts";
import type { PanelSetting } from "./panel-body.tsx";
import { PanelFrame, titleOf, type PanelActions } from "./panel-frame.tsx";
import { usePanelHandles } from "./panel-handles.ts";

interface GridProps {
  readonly panels: readonly Panel[];
  readonly setting: PanelSetting;
  /** What is wrong with which. */
  readonly mistaken: ReadonlyMap<Panel, string>;
  /** Missing: it is only looked at. */
  readonly actions?: PanelActions & { place(rects: readonly Rect[], gesture: string): void };
}

/** Panels where they stand; on a phone below each other. */
export function Grid({ panels, setting, mistaken, actions }: GridProps) {
  const grid = useRef<HTMLDivElement>(null);
  const [told, setTold] = useState("");
  const rects = useMemo(() => panels.map(rectOf), [panels]);
  const byId = new Map(panels.map((panel) => [panel.id, panel]));
  const handles = usePanelHandles({
    ...{ rects, grid, onTold: setTold },
    titleOf: (id) => titleOf(byId.get(id)!),
    onPlaces: (places, gesture) => actions?.place(places, gesture),
  });
  const order = new Map(inReadingOrder(rects).map(({ id }, i) => [id, i]));
  // Moved in the document a handle would lose the focus.
  const drawn = actions === undefined ? inReadingOrder(rects) : rects;
  return (
    <>
      <div
        ref={grid}
        class="dash-grid"
        data-editing={actions !== undefined}
        style={{ "--dash-grid-rows": rowsOf(rects) }}
      >
        {drawn.map((rect) => (
          <PanelFrame
            key={rect.id}
            panel={byId.get(rect.id)!}
            {...{ rect, setting }}
            mistake={mistaken.get(byId.get(rect.id)!) ?? ""}
            order={order.get(rect.id)!}
            {...(actions && { editing: { ...actions, ...handles } })}
          />
        ))}
      </div>
      <p class="unseen" aria-live="polite">
        {told}
      </p>
    </>
  );
}

function rectOf({ id, x, y, width, height }: Panel): Rect {
  return { id, x, y, width, height };
}
