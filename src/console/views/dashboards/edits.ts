/** What can be done with a dashboard. Pure: each gives another dashboard. */
import { create } from "@bufbuild/protobuf";
import {
  PanelKind,
  PanelSchema,
  SavedDashboardSchema,
  type Panel,
  type SavedDashboard,
} from "../../../wire/gen/saved_dashboards_pb.ts";
import { inReadingOrder, makingRoom, placeFor, settled, type Rect } from "./grid-layout.ts";

export const PANELS_MAX = 100;
/** Of dashboards and panels. */
export const TITLE_LENGTH_MAX = 256;
const ID_LENGTH_MAX = 64;

export function emptyDashboard(dashboardId: string, title: string): SavedDashboard {
  return create(SavedDashboardSchema, { dashboardId, title });
}

/** Letters, digits, "_" and "-", as ids have to be; "" where nothing of the title can stand in one. */
export function idFromTitle(title: string): string {
  const plain = title.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const dashed = plain.replace(/[^a-z0-9_]+/g, "-").slice(0, ID_LENGTH_MAX);
  return dashed.replace(/^-+|-+$/g, "");
}

/** Where there is none, of such an id or panel: the same. */
export function withPanel(dashboard: SavedDashboard, panel: Panel): SavedDashboard {
  return { ...dashboard, panels: dashboard.panels.map((each) => (each.id === panel.id ? panel : each)) };
}

/** What a form was left with: filters without a value, and metrics that nobody chose, ask for nothing. */
export function withoutBlanks(panel: Panel): Panel {
  const filled = panel.queries.map((query) => {
    const entries = Object.entries(query.filters);
    const filters = entries.filter(([, value]) => value !== "");
    return filters.length === entries.length ? query : { ...query, filters: Object.fromEntries(filters) };
  });
  const queries = filled.filter(({ metric, filters }) => metric !== "" || Object.keys(filters).length > 0);
  if (panel.kind !== PanelKind.DEVICE_GRID) return { ...panel, queries };
  // Of devices there are only filters, but what is kept has a metric.
  return { ...panel, queries: queries.map((query) => ({ ...query, metric: query.metric || "*" })) };
}

export function withoutPanel(dashboard: SavedDashboard, id: string): SavedDashboard {
  return laidOut({ ...dashboard, panels: dashboard.panels.filter((panel) => panel.id !== id) });
}

/** What was removed, where it was; the same where it is still there. */
export function withRestored(dashboard: SavedDashboard, panel: Panel): SavedDashboard {
  if (dashboard.panels.some(({ id }) => id === panel.id)) return dashboard;
  const rects = makingRoom([...dashboard.panels, panel], panel);
  return laidOut(withPlaces({ ...dashboard, panels: [...dashboard.panels, panel] }, rects));
}

/** Where there is room. Its id is given here. */
export function withAdded(dashboard: SavedDashboard, panel: Panel): SavedDashboard {
  const { panels, ...others } = laidOut(dashboard);
  const place = placeFor(panels, panel.width, panel.height);
  return { ...others, panels: [...panels, { ...panel, ...place, id: freeId(panels) }] };
}

export function withDuplicate(dashboard: SavedDashboard, id: string): SavedDashboard {
  const panel = dashboard.panels.find((each) => each.id === id);
  return panel === undefined ? dashboard : withAdded(dashboard, panel);
}

/** Panels that stay where they are stay the same objects. */
export function withPlaces(dashboard: SavedDashboard, rects: readonly Rect[]): SavedDashboard {
  const places = new Map(rects.map((rect) => [rect.id, rect]));
  const panels = dashboard.panels.map((panel) => {
    const { x, y, width, height } = places.get(panel.id) ?? panel;
    const isThere = x === panel.x && y === panel.y && width === panel.width && height === panel.height;
    return isThere ? panel : { ...panel, x, y, width, height };
  });
  return { ...dashboard, panels };
}

/** Panels where they are seen: a file may have them overlap. */
export function laidOut(dashboard: SavedDashboard): SavedDashboard {
  return withPlaces(dashboard, settled(dashboard.panels));
}

/** Panels where they are seen, in the order they are read. */
export function tidied(dashboard: SavedDashboard): SavedDashboard {
  return { ...dashboard, panels: inReadingOrder(laidOut(dashboard).panels) };
}

export function newPanel(kind: PanelKind): Panel {
  const [width, height] = SIZES[kind] ?? [6, 6];
  return create(PanelSchema, { kind, width, height });
}

const SIZES: Readonly<Partial<Record<PanelKind, readonly [width: number, height: number]>>> = {
  [PanelKind.STAT]: [3, 4],
  [PanelKind.GAUGE]: [3, 4],
};

function freeId(panels: readonly Panel[]): string {
  const taken = new Set(panels.map(({ id }) => id));
  for (let number = 1; ; number++) if (!taken.has(`panel-${number}`)) return `panel-${number}`;
}
