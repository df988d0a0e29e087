import { useEffect } from "preact/hooks";
import { lookingAt } from "../../looking-at.ts";
import type { Panel } from "../../../wire/gen/saved_dashboards_pb.ts";
import type { PanelSetting } from "./panel-body.tsx";
import { resolved } from "./variables.ts";

/** What the panels show is what those in a session see of whoever looks at them. */
export function useLookingAt(panels: readonly Panel[], { variables, choices }: PanelSetting): void {
  const queries = panels.flatMap((panel) => panel.queries.map((query) => resolved(query, choices)));
  const metrics = [...new Set(queries.map(({ metric }) => metric))].filter((metric) => metric !== "").sort();
  const chosen = variables.filter(({ tag, name }) => tag === "device" && choices[name] !== "");
  const devices = chosen.map(({ name }) => choices[name]);
  useEffect(() => {
    lookingAt.value = { view: "dashboards", metrics, devices };
  }, [metrics.join("\n"), devices.join("\n")]);
}
