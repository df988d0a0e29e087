/** `watchpost device register`. */
import { Command } from "commander";
import { registerDevice } from "../client/devices.ts";
import { WatchpostError } from "../model/errors.ts";
import { toDevice } from "./device-action.ts";
import { addDeviceActionOptions, addDeviceOptions, deviceGiven, type DeviceFlags } from "./device-flags.ts";
import { userOf } from "./user-flag.ts";

const HELP = `
Examples:
  watchpost device register pump-1 --name 'Pump of line 4' --type pump --site north --parent gw-7 --interval 30s
  watchpost device register door-3 --event-driven --tag floor=2
  watchpost device register probe-9 --sensor temperature,unit=°C,min=-40,max=85,out-of-range=refuse,precision=1`;

interface RegisterFlags extends DeviceFlags {
  replace?: boolean;
}

export function deviceRegisterCommand(): Command {
  const command = new Command("register")
    .summary("say what a device is")
    .description("Registers a device, whether points of it have come or not.")
    .argument("<device>", 'its id: the tag "device" of its points, or else their source');
  return addDeviceActionOptions(addDeviceOptions(command))
    .option("--replace", "also where it is registered already: what is not given is gone then")
    .addHelpText("after", HELP)
    .action((id: string, flags: RegisterFlags) => {
      const { device } = deviceGiven(id, flags);
      const request = { device, replace: flags.replace ?? false, userId: userOf(flags) };
      return toDevice(flags, "registered", async (connection, signal) => {
        try {
          return await registerDevice(connection, request, { signal });
        } catch (error) {
          throw hinted(error);
        }
      });
    });
}

/** Of a device that is there already it says how it is changed. */
function hinted(error: unknown): unknown {
  if (!(error instanceof WatchpostError) || error.status !== "ALREADY_EXISTS") return error;
  const how = "--replace puts this in its place, watchpost device update changes what is given";
  return new WatchpostError(error.status, `${error.message.replace(/; wanted [^;]*$/, "")}; ${how}`);
}
