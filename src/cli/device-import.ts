/** `watchpost device import`. */
import { Command, Option } from "commander";
import pc from "picocolors";
import { importDevices } from "../client/devices.ts";
import { WatchpostError } from "../model/errors.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { contentOf } from "./read-rules.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

const HELP = `
All or nothing: where a line is wrong nothing is changed, and all that is wrong is said. CSV has a header with some of:
  device_id, name, type, model, site, parent, latitude, longitude, altitude, location, firmware, expected_interval, late_after,
  offline_after, is_event_driven, tags.KEY; and for a sensor: sensor, unit, valid_min, valid_max, out_of_range, precision, description
A device with several sensors is several rows. What is empty stays as it is. JSON is an array of devices, or what
watchpost devices --json and watchpost device NAME --json print; see docs/devices.md.

Examples:
  watchpost device import fleet.csv --dry-run
  watchpost devices --json > fleet.json
  watchpost device import fleet.json --server other:50051
  generate-fleet | watchpost device import - --format csv`;

interface ImportFlags {
  server: string;
  user?: string;
  format?: string;
  dryRun?: boolean;
}

export function deviceImportCommand(): Command {
  return addUserOption(addServerOption(new Command("import")))
    .summary("register many devices from a file")
    .description("Registers and changes devices from a file, all of them or none.")
    .argument("<file>", "CSV or JSON; - is standard input")
    .addOption(new Option("--format <format>", "what it is (default: by the file's name)").choices(["csv", "json"]))
    .option("--dry-run", "say what would be changed, and change nothing")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(file: string, flags: ImportFlags): Promise<void> {
  const [, ending] = /\.(csv|json|jsonl|ndjson)$/i.exec(file) ?? [];
  const format = flags.format ?? (ending === undefined ? undefined : ending.toLowerCase() === "csv" ? "csv" : "json");
  if (format === undefined) {
    throw new WatchpostError(
      "INVALID_ARGUMENT",
      `${file} does not say what it is; wanted --format csv or --format json`,
    );
  }
  const content = await contentOf(file);
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const request = { format, content, isDryRun: flags.dryRun ?? false, userId: userOf(flags) };
    const { created, updated, unchanged, problems } = await importDevices(connection, request, { signal });
    for (const problem of problems) console.error(`${pc.red("error:")} ${printable(`${file}: ${problem}`)}`);
    if (problems.length > 0) {
      console.error("nothing was changed");
      process.exitCode = 1;
      return;
    }
    const would = flags.dryRun ? "would be " : "";
    console.log(`${would}registered ${created}, ${would}updated ${updated}, unchanged ${unchanged}`);
  } finally {
    connection.close();
  }
}
