/** `watchpost device update`. */
import { Command } from "commander";
import { updateDevice } from "../client/devices.ts";
import { WatchpostError } from "../model/errors.ts";
import { integerArgument } from "./client-flags.ts";
import { toDevice } from "./device-action.ts";
import { addDeviceActionOptions, addDeviceOptions, deviceGiven, type DeviceFlags } from "./device-flags.ts";
import { collect } from "./issue-flags.ts";
import { userOf } from "./user-flag.ts";

const HELP = `
What is not given stays as it is; '' empties a text. A sensor that is given is replaced as a whole. With --revision the change is
refused where somebody else has changed the device since that revision, as watchpost device NAME tells it.

Examples:
  watchpost device update pump-1 --firmware 2.1 --revision 3
  watchpost device update pump-1 --sensor pressure,unit=kPa,max=900 --remove-sensor noise
  watchpost device update pump-1 --parent '' --interval 0s --remove-tag floor`;

interface UpdateFlags extends DeviceFlags {
  removeTag?: readonly string[];
  removeSensor?: readonly string[];
  revision?: number;
}

export function deviceUpdateCommand(): Command {
  const command = new Command("update")
    .summary("change what is said of a device")
    .description("Changes a device.")
    .argument("<device>", "its id, as watchpost devices shows it");
  return addDeviceActionOptions(addDeviceOptions(command))
    .option("--remove-tag <key>", "a tag less; may be repeated", collect)
    .option("--remove-sensor <metric>", "a sensor less; may be repeated", collect)
    .option("--revision <number>", "the one that is changed", integerArgument(1, Number.MAX_SAFE_INTEGER))
    .addHelpText("after", HELP)
    .action((id: string, flags: UpdateFlags) => {
      const { device, fields } = deviceGiven(id, flags);
      for (const key of flags.removeTag ?? []) fields.push(`tags.${key}`);
      for (const metric of flags.removeSensor ?? []) fields.push(`sensors.${metric}`);
      if (fields.length === 0) {
        throw new WatchpostError("INVALID_ARGUMENT", "nothing to change is given; wanted --name, --sensor or another");
      }
      const request = { device, fields, revision: BigInt(flags.revision ?? 0), userId: userOf(flags) };
      return toDevice(flags, "updated", (connection, signal) => updateDevice(connection, request, { signal }));
    });
}
