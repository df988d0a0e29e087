/** `watchpost top`: the busiest and the newest series. */
import { Command } from "commander";
import pc from "picocolors";
import { listSeries } from "../client/catalog.ts";
import { SeriesOrder } from "../wire/gen/history_pb.ts";
import { addServerOption, connectTo, integerArgument, interruptSignal } from "./client-flags.ts";
import { addMatcherOption, type MatcherInit } from "./filter-flag.ts";
import { seriesJson, seriesTable } from "./series-table.ts";

const LISTS = [
  { list: "busiest", order: SeriesOrder.BUSIEST },
  { list: "newest", order: SeriesOrder.NEWEST },
] as const;
const HELP = `
Busy is what arrives most often, as far as the server has heard since its start; a series that falls silent sinks.

Examples:
  watchpost top
  watchpost top 'vibration_*' --limit 20 --filter site=north`;

interface TopFlags {
  server: string;
  filter?: MatcherInit[];
  limit: number;
  json?: boolean;
}

export function topCommand(): Command {
  return addMatcherOption(addServerOption(new Command("top")))
    .summary("the busiest and the newest series")
    .description("Lists the series that arrive most often, and those that appeared last.")
    .argument("[metric]", "metric name or glob", "*")
    .option("--limit <count>", "so many of each", integerArgument(1, 1_000), 10)
    .option("--json", 'a JSON line for every series, with "list": "busiest" or "newest"')
    .addHelpText("after", HELP)
    .action(top);
}

async function top(metric: string, flags: TopFlags): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    for (const { list, order } of LISTS) {
      const request = { metric, matchers: flags.filter ?? [], limit: flags.limit, order };
      const { series, total } = await listSeries(connection, request, { signal });
      if (flags.json) {
        process.stdout.write(seriesJson(series, { list }));
        continue;
      }
      console.log(pc.bold(`${list}, of ${total} series`));
      process.stdout.write(`${seriesTable(series, { withRate: true }) || "no series matched\n"}\n`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    connection.close();
  }
  if (signal.aborted) process.exitCode = 130;
}
