/** `watchpost device show`. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import { devicePages, getDevice } from "../client/devices.ts";
import { GetDeviceResponseSchema } from "../wire/gen/devices_pb.ts";
import { addServerOption, connectTo, integerArgument, interruptSignal } from "./client-flags.ts";
import { devicePage } from "./device-text.ts";

const CHILDREN_MAX = 20;

interface ShowFlags {
  server: string;
  events: number;
  json?: boolean;
}

export function deviceShowCommand(): Command {
  return addServerOption(new Command("show"))
    .summary("all there is to say of a device")
    .description(
      "Shows a device: what it is, its status and why, its sensors with their last values, and what happened to it.",
    )
    .argument("<device>", "its id, as watchpost devices shows it")
    .option("--events <count>", "so many of its latest events, up to 1000", integerArgument(0, 1_000), 10)
    .option("--json", "a GetDeviceResponse as a JSON line")
    .action(show);
}

async function show(deviceId: string, { server, events, json }: ShowFlags): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(server);
  try {
    const answer = await getDevice(connection, deviceId, { events, signal });
    if (json) return void process.stdout.write(`${JSON.stringify(toJson(GetDeviceResponseSchema, answer))}\n`);
    const pages = devicePages(
      connection,
      { parents: [deviceId], orderBy: "status" },
      { signal, limitMax: CHILDREN_MAX },
    );
    const children = (await pages.next()).value;
    const total = Number(children?.total ?? 0);
    process.stdout.write(devicePage(answer.device!, children?.devices ?? [], total, answer.events, Date.now()));
  } finally {
    connection.close();
  }
}
