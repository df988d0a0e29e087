/** `watchpost token list`. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import pc from "picocolors";
import { listTokens } from "../client/access.ts";
import { TokenSchema, type Token } from "../wire/gen/access_pb.ts";
import { scopeWords } from "./access-text.ts";
import { secondOf } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { textTable } from "./text-table.ts";
import { printable } from "./watch-table.ts";

export function tokenListCommand(): Command {
  return addServerOption(new Command("list"))
    .summary("which there are")
    .description("Lists the tokens: who they are, what they may, and when they were last used. Times are UTC.")
    .option("--json", "a JSON line for every token")
    .action(list);
}

async function list({ server, json }: { server: string; json?: boolean }): Promise<void> {
  const connection = connectTo(server);
  try {
    const tokens = await listTokens(connection, { signal: interruptSignal() });
    if (json) {
      for (const token of tokens) process.stdout.write(`${JSON.stringify(toJson(TokenSchema, token))}\n`);
    } else if (tokens.length === 0) {
      console.log("there is no token, and nobody is asked who they are; watchpost token create makes one");
    } else process.stdout.write(tokenTable(tokens));
  } finally {
    connection.close();
  }
}

function tokenTable(tokens: readonly Token[]): string {
  const table = textTable(
    [
      { title: "ID", cell: ({ tokenId }: Token) => tokenId },
      { title: "NAME", cell: ({ name }) => printable(name) },
      { title: "ROLE", cell: ({ role }) => role },
      { title: "FOR", cell: ({ scope }) => scopeWords(scope) },
      { title: "ENDS", cell: ({ expiresAt }) => (expiresAt === undefined ? "never" : secondOf(expiresAt)) },
      { title: "LAST USED", cell: ({ lastUsedAt }) => (lastUsedAt === undefined ? "never" : secondOf(lastUsedAt)) },
      { title: "BY", cell: ({ createdBy }) => printable(createdBy) },
    ],
    tokens,
  );
  const [titles, ...lines] = table.split("\n");
  return [pc.bold(titles), ...lines].join("\n");
}
