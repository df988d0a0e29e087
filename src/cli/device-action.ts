/** What the commands that change a device have in common: a line for the device as it is then. */
import type { Connection } from "../client/connection.ts";
import type { Device } from "../wire/gen/devices_pb.ts";
import { connectTo, interruptSignal } from "./client-flags.ts";
import { deviceJson } from "./devices.ts";
import { briefly } from "./device-text.ts";

export async function toDevice(
  { server, json }: { readonly server: string; readonly json?: boolean },
  told: string,
  act: (connection: Connection, signal: AbortSignal) => Promise<Device>,
): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(server);
  try {
    const device = await act(connection, signal);
    if (json) process.stdout.write(deviceJson(device));
    else console.log(`${told} ${briefly(device)}`);
  } finally {
    connection.close();
  }
}
