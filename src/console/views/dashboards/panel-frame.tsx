import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Menu } from "../../parts/menu.tsx";
import { go } from "../../route.ts";
import type { Panel } from "../../../wire/gen/saved_dashboards_pb.ts";
import { exploreLink } from "./explore-link.ts";
import type { Rect } from "./grid-layout.ts";
import { PanelBody, type PanelSetting } from "./panel-body.tsx";
import { kindEntry } from "./panel-kinds.ts";
import type { PanelHandles } from "./panel-handles.ts";

/** Panels are drawn a little before they come into sight. */
const NEAR = "400px";

export interface PanelActions {
  edit(id: string): void;
  duplicate(id: string): void;
  remove(id: string): void;
}

interface PanelFrameProps {
  readonly panel: Panel;
  readonly rect: Rect;
  /** Where panels stand below each other. */
  readonly order: number;
  readonly setting: PanelSetting;
  /** Why it could not be saved; "": it could. */
  readonly mistake: string;
  /** Missing: it is only looked at. */
  readonly editing?: PanelActions & PanelHandles;
}

export function PanelFrame({ panel, rect, order, setting, mistake, editing }: PanelFrameProps) {
  const place = useRef<HTMLElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isNear = useIsNear(place);
  const scrolls = useScrolls(content, isNear);
  // The same as long as it shows the same: while panels are moved theirs are not drawn again.
  const body = useMemo(() => isNear && <PanelBody {...{ panel, setting }} />, [isNear, panel, setting]);
  const title = titleOf(panel);
  const { x, y, width, height } = rect;
  return (
    <section
      ref={place}
      class="dash-panel"
      aria-label={title}
      data-held={editing?.heldId === panel.id}
      data-mistaken={mistake !== ""}
      style={{
        gridColumn: `${x + 1} / span ${width}`,
        gridRow: `${y + 1} / span ${height}`,
        order,
        "--dash-rows": height,
      }}
    >
      <div class="dash-head">
        {editing && (
          <button
            type="button"
            class="quiet dash-move"
            aria-label={`Place of ${title}`}
            title="Drag to move; with the keyboard: arrows move, Shift and arrows resize"
            {...editing.movesOf(panel.id)}
          >
            ⠿
          </button>
        )}
        <h2 class="ellipsis" title={title}>
          {title}
        </h2>
        <PanelMenu {...{ panel, setting }} {...(editing && { editing })} />
      </div>
      {mistake !== "" && <p class="field-error dash-mistake">{mistake}</p>}
      <div
        ref={content}
        class="dash-body"
        data-kind={panel.kind}
        {...(scrolls && { tabIndex: 0, role: "group", "aria-label": `Content of ${title}` })}
      >
        {body}
      </div>
      {editing && (
        <span class="dash-resize" aria-hidden="true" title="Drag to resize" {...editing.resizesOf(panel.id)} />
      )}
    </section>
  );
}

function PanelMenu({ panel, setting, editing }: Pick<PanelFrameProps, "panel" | "setting" | "editing">) {
  const link = exploreLink(panel, setting.choices, setting.range);
  const { id } = panel;
  const items = [
    ...(editing === undefined
      ? []
      : [
          { label: "Edit", choose: () => editing.edit(id) },
          { label: "Duplicate", choose: () => editing.duplicate(id) },
          { label: "Remove", choose: () => editing.remove(id), isDangerous: true },
        ]),
    ...(link === undefined ? [] : [{ label: "Explore", choose: () => go(link), title: "Look at it closely" }]),
  ];
  if (items.length === 0) return null;
  return (
    <Menu label={`What to do with ${titleOf(panel)}`} class="quiet dash-menu" items={items}>
      ⋯
    </Menu>
  );
}

/** What nobody has given a title is called by its metrics, otherwise by its kind. */
export function titleOf({ title, queries, kind, id }: Panel): string {
  const metrics = [...new Set(queries.map(({ metric }) => metric))].filter((metric) => metric !== "");
  return title || metrics.join(", ") || (kindEntry(kind)?.label ?? id);
}

function useIsNear(place: { readonly current: HTMLElement | null }): boolean {
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    const seen = new IntersectionObserver((entries) => setNear(entries.at(-1)!.isIntersecting), { rootMargin: NEAR });
    seen.observe(place.current!);
    return () => seen.disconnect();
  }, []);
  return isNear;
}

/** What has to be scrolled can be reached with the keyboard. */
function useScrolls(place: { readonly current: HTMLElement | null }, isNear: boolean): boolean {
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const element = place.current!;
    const sizes = new ResizeObserver(() => setScrolls(element.scrollHeight > element.clientHeight + 1));
    const observeAll = () => {
      sizes.disconnect();
      for (const each of [element, ...element.children]) sizes.observe(each);
    };
    // Content comes once it is read.
    const changes = new MutationObserver(observeAll);
    changes.observe(element, { childList: true });
    observeAll();
    return () => {
      sizes.disconnect();
      changes.disconnect();
    };
  }, [isNear]);
  return scrolls;
}
