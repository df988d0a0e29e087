import { route } from "../../route.ts";
import { ALERTS_PARTS, AlertsTabs } from "./tabs.tsx";
import "./alerts.css";

/** "/alerts", and "/alerts/NAME" of each of its parts. */
export function AlertsView() {
  const [name = ""] = route.value.rest;
  const part = ALERTS_PARTS.find((each) => each.name === name) ?? ALERTS_PARTS[0];
  return (
    <>
      <h1>Alerts</h1>
      <AlertsTabs present={part.name} />
      <part.View />
    </>
  );
}
