/** `watchpost device report`. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Argument, Command } from "commander";
import { reportDevice } from "../client/devices.ts";
import { WatchpostError } from "../model/errors.ts";
import { toDevice } from "./device-action.ts";
import { addDeviceActionOptions } from "./device-flags.ts";
import { timeUsOf } from "./time-argument.ts";
import { userOf } from "./user-flag.ts";

const HELP = `
Examples:
  watchpost device report gw-7 death --reason 'power is off for maintenance'
  watchpost device report gw-7 birth`;

interface ReportFlags {
  server: string;
  user?: string;
  json?: boolean;
  reason?: string;
  time?: string;
}

export function deviceReportCommand(): Command {
  const command = new Command("report")
    .summary("say that a device is there, or has left")
    .description(
      "Says that a known device is there (birth), or has left (death): what is reached through it is stale then. Fails where something newer was heard of it.",
    )
    .argument("<device>", "its id")
    .addArgument(new Argument("<kind>", "birth: it is there; death: it has left").choices(["birth", "death"]));
  return addDeviceActionOptions(command)
    .option("--reason <text>", "why")
    .option("--time <time>", "when (default: now)")
    .addHelpText("after", HELP)
    .action((deviceId: string, kind: string, flags: ReportFlags) => {
      const { reason = "", time } = flags;
      const at =
        time === undefined ? {} : { time: timestampFromMs(Math.floor(timeUsOf("--time", time, Date.now()) / 1_000)) };
      const request = { deviceId, kind, reason, userId: userOf(flags), mustBeKnown: true, ...at };
      return toDevice(flags, "reported", async (connection, signal) => {
        const { device, ignored } = await reportDevice(connection, request, { signal });
        if (ignored !== "") throw new WatchpostError("ABORTED", ignored);
        return device!;
      });
    });
}
