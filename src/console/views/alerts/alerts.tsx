import { lazy } from "../../lazy.tsx";
import { route } from "../../route.ts";
import "./alerts.css";
import { ALERTS_PARTS, AlertsTabs } from "./tabs.tsx";

const AlertDetail = lazy(async () => (await import("./detail/detail.tsx")).AlertDetail);

/** "/alerts", "/alerts/NAME" of each of its parts, and "/alerts/ID" of each alert. */
export function AlertsView() {
  const [name = ""] = route.value.rest;
  const part = ALERTS_PARTS.find((each) => each.name === name);
  return (
    <>
      <h1>Alerts</h1>
      <AlertsTabs present={part?.name} />
      {part === undefined ? <AlertDetail key={name} id={name} /> : <part.View />}
    </>
  );
}
