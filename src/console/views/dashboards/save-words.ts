/** What the server finds wrong with a dashboard, as its forms call it. Pure. */
import type { SavedDashboard } from "../../../wire/gen/saved_dashboards_pb.ts";

/** As `panel-editor.tsx` and `query-fields.tsx` label them; others are said as they are. */
const FIELDS: Readonly<Record<string, string>> = {
  ...{ min: "lowest", max: "highest", log_scale: "logarithmic", group_by: "group by", step_ms: "step" },
  ...{ aggregation: "of each group", thresholds: "limit", range_ms: "range at first" },
};

export interface Mistake {
  /** "": of the dashboard itself. */
  readonly panelId: string;
  /** Such as "metric is empty; wanted …". */
  readonly text: string;
}

/** `field`: as in "dashboard.panels[5].queries[0].metric"; `description` begins with it. */
export function mistakeOf(
  { field, description }: { readonly field: string; readonly description: string },
  { panels }: SavedDashboard,
): Mistake {
  const own = field.replace(/^dashboard\./, "");
  const [, at = "", inPanel = own] = /^panels\[(\d+)\]\.(.+)$/.exec(own) ?? [];
  const rest = description.startsWith(field) ? description.slice(field.length) : `: ${description}`;
  return {
    panelId: panels[Number(at || -1)]?.id ?? "",
    text: fieldWords(inPanel) + rest.replace(/^ is "";/, " is empty;"),
  };
}

/** `queries[1].filters["site"]`: "second metric, filter site"; what is first goes without saying. */
function fieldWords(field: string): string {
  const filter = /\.filters\["(.*)"\]$/.exec(field);
  if (filter !== null) return `${placeWords(field.slice(0, filter.index))}filter ${filter[1]}`;
  const name = /^(?:queries\[\d+\]\.)?([a-z_]+)/.exec(field)?.[1] ?? field;
  return placeWords(field) + (FIELDS[name] ?? name);
}

function placeWords(field: string): string {
  const at = Number(/^queries\[(\d+)\]/.exec(field)?.[1] ?? 0);
  return at === 0 ? "" : `metric ${at + 1}: `;
}
