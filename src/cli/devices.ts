/** `watchpost devices`: which devices there are and how they are, and live what becomes of them. */
import { toJson } from "@bufbuild/protobuf";
import { Command, InvalidArgumentError, Option } from "commander";
import { devicePages, type DevicesWanted } from "../client/devices.ts";
import { WatchpostError } from "../model/errors.ts";
import { DeviceSchema, type Device } from "../wire/gen/devices_pb.ts";
import { addServerOption, connectTo, integerArgument, interruptSignal } from "./client-flags.ts";
import { tagArgument } from "./device-flags.ts";
import { deviceTable, statusCounts } from "./device-text.ts";
import { watchDevices } from "./watch-devices.ts";

const SHOWN_MAX = 100;
const LIMIT_MAX = 10_000_000;
const STATUSES = ["online", "late", "offline", "stale", "never-seen"];
const ORDERS = ["id", "name", "status", "last-seen", "site"];
const HELP = `
A device is known by its first point: it is the tag "device", or else the source. INTERVAL is what somebody registered, or
with ~ the 95th percentile of its recent gaps. watchpost device NAME tells more of one, watchpost device register says what
a device is.

A live list goes on by itself when the server restarts, and misses nothing. Into a pipe it is a line for each change; with
--json each line is a DeviceEvent as WatchDevices sends it, see docs/devices.md.

Examples:
  watchpost devices
  watchpost devices --status offline,stale --site north
  watchpost devices --parent gw-7 --order -last-seen
  watchpost devices --watch --type pump
  watchpost devices --status offline --json | jq -r .deviceId`;

interface Flags {
  server: string;
  status?: readonly string[];
  site?: readonly string[];
  type?: readonly string[];
  parent?: readonly string[];
  tag?: Readonly<Record<string, string>>;
  search?: string;
  order?: string;
  limit?: number;
  all?: boolean;
  watch?: boolean;
  json?: boolean;
}

export function devicesCommand(): Command {
  return addServerOption(new Command("devices"))
    .summary("which devices there are and how they are, also live")
    .description("Lists devices with their status; with --watch live, until Ctrl-C.")
    .option("--status <list>", `only these, comma separated: ${STATUSES.join(", ")}`, statuses)
    .option("--site <list>", "only of these sites, comma separated", names)
    .option("--type <list>", "only of these types, comma separated", names)
    .option("--parent <list>", "only what is reached through these devices, comma separated", names)
    .option("--tag <key=value>", "only with this tag; may be repeated: with all of them", tagArgument)
    .option("--search <text>", "only with this text in id or name, whatever its case")
    .option("--order <name>", `${ORDERS.join(", ")}, turned round by "-" before it (default: id)`, order)
    .option(
      "--limit <count>",
      "at most so many (default: 100 in a table, all with --json)",
      integerArgument(1, LIMIT_MAX),
    )
    .addOption(new Option("--all", "a table of all of them").conflicts("limit"))
    .option("--watch", "live, until Ctrl-C")
    .option("--json", "a JSON line for every device, live for every change")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const { search = "", order: orderBy = "", limit, all, watch, json } = flags;
  const alone = (
    [
      ["--limit", limit],
      ["--all", all],
      ["--order", flags.order],
      ["--search", flags.search],
    ] as const
  ).find(([, value]) => value !== undefined);
  if (watch && alone !== undefined) {
    throw new WatchpostError("INVALID_ARGUMENT", `${alone[0]} and --watch are given together; wanted one of them`);
  }
  const { status = [], site = [], type = [], parent = [], tag = {} } = flags;
  const filter = { statuses: [...status], sites: [...site], types: [...type], parents: [...parent], tags: { ...tag } };
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    if (watch) return await watchDevices(connection, filter, flags, signal);
    const wanted: DevicesWanted = { ...filter, search, orderBy };
    const pages = devicePages(connection, wanted, { signal, limitMax: limit ?? (json || all ? Infinity : SHOWN_MAX) });
    const found: Device[] = [];
    let [total, counts] = [0, ""];
    for await (const page of pages) {
      [total, counts] = [Number(page.total), statusCounts(page.byStatus)];
      if (json) for (const device of page.devices) process.stdout.write(deviceJson(device));
      else found.push(...page.devices);
    }
    if (json) return;
    if (total === 0) return console.log("no device matches");
    for (const line of deviceTable(found, Date.now())) console.log(line);
    const shown = found.length < total ? `${found.length.toLocaleString("en-US")} of ` : "";
    const more = found.length < total ? "; --limit shows more, --all all" : "";
    console.log(`${shown}${total.toLocaleString("en-US")} ${total === 1 ? "device" : "devices"}: ${counts}${more}`);
  } finally {
    connection.close();
  }
}

/** A line: the message as JSON, as over HTTP. */
export function deviceJson(device: Device): string {
  return `${JSON.stringify(toJson(DeviceSchema, device))}\n`;
}

function statuses(text: string, all: readonly string[] = []): string[] {
  const named = text.split(",").map((one) => one.trim().toLowerCase().replaceAll("_", "-"));
  const wrong = named.find((one) => !STATUSES.includes(one));
  if (wrong !== undefined) throw new InvalidArgumentError(`wanted ${STATUSES.join(", ")}, comma separated`);
  return [...all, ...named.map((one) => one.replaceAll("-", "_"))];
}

function names(text: string, all: readonly string[] = []): string[] {
  return [...all, ...text.split(",").map((one) => one.trim())];
}

function order(text: string): string {
  const [, sign = "", name = ""] = /^(-?)(.*)$/.exec(text.replaceAll("_", "-")) ?? [];
  if (ORDERS.includes(name)) return sign + name.replaceAll("-", "_");
  throw new InvalidArgumentError(`wanted ${ORDERS.join(", ")}, or one of them behind "-"`);
}
