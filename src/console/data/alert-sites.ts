/** Tells the alerts where their devices are. */
import { effect } from "@preact/signals";
import { setSites } from "./alerts.ts";
import { areDevicesKnown, devices } from "./devices.ts";

/** Statuses of devices change often, their sites hardly ever. */
const LOOKED_EVERY_MS = 10_000;

export function followSites(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wasKnown = false;
  const look = () => {
    timer = undefined;
    setSites((device) => devices.peek().get(device)?.site ?? "");
  };
  effect(() => {
    void devices.value;
    if (!areDevicesKnown.value) return;
    timer ??= setTimeout(look, wasKnown ? LOOKED_EVERY_MS : 0);
    wasKnown = true;
  });
}
