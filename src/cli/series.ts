/** `watchpost series`: which series there are. */
import { Command } from "commander";
import pc from "picocolors";
import { listSeries } from "../client/catalog.ts";
import { addServerOption, connectTo, integerArgument, interruptSignal } from "./client-flags.ts";
import { addMatcherOption, type MatcherInit } from "./filter-flag.ts";
import { seriesJson, seriesTable } from "./series-table.ts";
import { printable } from "./watch-table.ts";

const LIMIT_MAX = 10_000;
const HELP = `
Times are those of the earliest and the latest point.

Examples:
  watchpost series 'temperature_*' --filter site=north
  watchpost series --filter 'device=~pump-[0-9]+' --filter 'site!='        # those that have a site
  watchpost series --json --limit 10000 | jq -r .device | sort -u`;

interface SeriesFlags {
  server: string;
  filter?: MatcherInit[];
  limit: number;
  json?: boolean;
}

export function seriesCommand(): Command {
  return addMatcherOption(addServerOption(new Command("series")))
    .summary("which series there are")
    .description("Lists series by metric, source and tags: when each was seen first and last, and its last value.")
    .argument("[metric]", "metric name or glob", "*")
    .option("--limit <count>", `at most so many, up to ${LIMIT_MAX}`, integerArgument(1, LIMIT_MAX), 100)
    .option("--json", "a JSON line for every series")
    .addHelpText("after", HELP)
    .action(series);
}

async function series(metric: string, flags: SeriesFlags): Promise<void> {
  const connection = connectTo(flags.server);
  try {
    const request = { metric, matchers: flags.filter ?? [], limit: flags.limit };
    const answer = await listSeries(connection, request, { signal: interruptSignal() });
    const { missingNodes } = answer;
    if (missingNodes.length > 0) {
      const names = missingNodes.map(printable).join(", ");
      console.error(
        pc.yellow(`nodes that did not tell of their points: ${names}; first and last times are without theirs`),
      );
    }
    if (flags.json) return void process.stdout.write(seriesJson(answer.series));
    process.stdout.write(seriesTable(answer.series, { withRate: false }) || "no series matched\n");
    const shown = answer.series.length;
    if (shown < answer.total) console.log(`${shown} of ${answer.total} series; --limit shows more`);
  } finally {
    connection.close();
  }
}
