/** `watchpost whoami`: as whom a server takes this machine's calls. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import { whoAmI } from "../client/access.ts";
import { WhoAmIResponseSchema } from "../wire/gen/access_pb.ts";
import { scopeWords, withArticle } from "./access-text.ts";
import { secondOf } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { printable } from "./watch-table.ts";

export function whoamiCommand(): Command {
  return addServerOption(new Command("whoami"))
    .summary("as whom the server takes your calls")
    .description("Says as whom the server takes your calls, and what you may do.")
    .option("--json", "as JSON")
    .action(tell);
}

async function tell({ server, json }: { server: string; json?: boolean }): Promise<void> {
  const connection = connectTo(server);
  try {
    const who = await whoAmI(connection, { signal: interruptSignal() });
    if (json) return console.log(JSON.stringify(toJson(WhoAmIResponseSchema, who)));
    if (who.via === "")
      return console.log("anybody: this server asks nobody who they are, and everybody may do everything");
    const end = who.expiresAt === undefined ? "" : `, until ${secondOf(who.expiresAt)} UTC`;
    console.log(`${printable(who.name)}, ${withArticle(who.role)} for ${scopeWords(who.scope)} (by ${who.via}${end})`);
  } finally {
    connection.close();
  }
}
