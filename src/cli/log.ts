/** `watchpost log`: what a server writes to its log. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import { ask } from "../client/ask.ts";
import { LogLevelSchema, Server, type LogLevel } from "../wire/gen/server_pb.ts";
import { secondOf } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal, wholeMsArgument } from "./client-flags.ts";

const HELP = `
The level is debug, info, warn or error; "configured" is what log.level says. Another one holds for --for, at most a day, or until
the server ends; then the configured one is back. At debug every call is a line: its method, status, time, and whose it was. Changing
it takes an admin, and is in watchpost audit.

Examples:
  watchpost log level
  watchpost log level debug --for 10m
  watchpost log level configured`;

interface LevelFlags {
  server: string;
  for?: number;
  json?: boolean;
}

export function logCommand(): Command {
  return new Command("log")
    .summary("what a server writes to its log")
    .description("Tells and changes what a running server writes to its log.")
    .addCommand(
      addServerOption(new Command("level"))
        .summary("tell or change the level, for a while")
        .description("Tells the level of the log, or changes it for a while.")
        .argument("[level]", "debug, info, warn, error or configured")
        .option("--for <duration>", "how long (default: 1h)", wholeMsArgument)
        .option("--json", "one JSON object")
        .addHelpText("after", HELP)
        .action(level),
    );
}

async function level(wanted: string | undefined, { server, for: forMs, json }: LevelFlags): Promise<void> {
  const connection = connectTo(server);
  const options = { signal: interruptSignal() };
  try {
    const now =
      wanted === undefined
        ? await ask(connection, Server.method.getLogLevel, {}, options)
        : await ask(connection, Server.method.setLogLevel, asked(wanted, forMs), options);
    console.log(json ? JSON.stringify(toJson(LogLevelSchema, now), null, 2) : levelText(now));
  } finally {
    connection.close();
  }
}

function asked(wanted: string, forMs = 0) {
  return { level: wanted === "configured" ? "" : wanted, forMs: BigInt(forMs) };
}

function levelText({ level: name, configured, until }: LogLevel): string {
  return until === undefined ? `${name}, as configured` : `${name} until ${secondOf(until)}, then ${configured}`;
}
