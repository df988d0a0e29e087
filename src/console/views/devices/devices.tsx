/** "/devices": all of them; "/devices/ID": one. */
import { lazy } from "../../lazy.tsx";
import { route } from "../../route.ts";
import { DeviceList } from "./device-list.tsx";
import "./devices.css";

const DevicePage = lazy(async () => (await import("./page/device-page.tsx")).DevicePage);

export function DevicesView() {
  const [id = ""] = route.value.rest;
  return id === "" ? <DeviceList /> : <DevicePage key={id} id={id} />;
}
