/** "/devices": all of them; "/devices/ID": one. */
import { route } from "../../route.ts";
import { DeviceList } from "./device-list.tsx";
import "./devices.css";
import { DevicePage } from "./page/device-page.tsx";

export function DevicesView() {
  const [id = ""] = route.value.rest;
  return id === "" ? <DeviceList /> : <DevicePage key={id} id={id} />;
}
