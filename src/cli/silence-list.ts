/** `watchpost silence list`: what nobody is told of, and for how long. */
import pc from "picocolors";
import { Command } from "commander";
import { listSilences } from "../client/silences.ts";
import { SilenceState, type Silence } from "../wire/gen/alerts_pb.ts";
import { oneLine, secondOf, shortIds } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { silenceJson } from "./silence-json.ts";
import { matchersOf, stateWords } from "./silence-text.ts";
import { textTable } from "./text-table.ts";
import { printable } from "./watch-table.ts";

const HELP = `
Times are UTC. The first letters of an ID are enough for watchpost silence extend and expire.

Examples:
  watchpost silence list
  watchpost silence list --expired --json | jq -r 'select(.author == "ann") | .id'`;

interface ListFlags {
  server: string;
  expired?: boolean;
  json?: boolean;
}

export function silenceListCommand(): Command {
  return addServerOption(new Command("list"))
    .summary("which silences there are, and how long they last")
    .description("Lists silences, the one that ends first, first.")
    .option("--expired", "also those that are over, for five days")
    .option("--json", "a JSON line for every silence")
    .addHelpText("after", HELP)
    .action(list);
}

async function list(flags: ListFlags): Promise<void> {
  const connection = connectTo(flags.server);
  try {
    const silences = await listSilences(connection, flags.expired === true, { signal: interruptSignal() });
    if (flags.json) process.stdout.write(silences.map(silenceJson).join(""));
    else if (silences.length === 0) console.log(flags.expired ? "there are no silences" : "nothing is silenced");
    else process.stdout.write(silenceTable(silences, Date.now()));
  } finally {
    connection.close();
  }
}

/** A line for titles and one a silence, in the order given. What is over stands back. */
export function silenceTable(silences: readonly Silence[], nowMs: number): string {
  const ids = shortIds(silences.map(({ id }) => id));
  const table = textTable(
    [
      { title: "ID", cell: ({ id }: Silence) => printable(ids.get(id)!) },
      { title: "STATE", cell: (silence) => stateWords(silence, nowMs) },
      { title: "ENDS", cell: ({ endsAt }) => secondOf(endsAt) },
      { title: "BY", cell: ({ author }) => printable(author) || "-" },
      { title: "ALERTS WITH", cell: matchersOf },
      { title: "COMMENT", cell: ({ comment }) => oneLine(comment) },
    ],
    silences,
  );
  const [titles, ...lines] = table.split("\n").slice(0, -1);
  const painted = lines.map((line, i) => (silences[i].state === SilenceState.EXPIRED ? pc.dim(line) : line));
  return `${[pc.bold(titles), ...painted].join("\n")}\n`;
}
