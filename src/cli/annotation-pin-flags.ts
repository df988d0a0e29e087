/** What annotations are about, by flags. */
import { InvalidArgumentError, type Command } from "commander";
import type { Connection } from "../client/connection.ts";
import { findAlerts } from "./find-alerts.ts";

export interface PinFlags {
  metric?: string;
  source?: string;
  device?: string;
  seriesTag?: Readonly<Record<string, string>>;
  alert?: string;
  session?: string;
}

export function addPinOptions(command: Command, metrics: string): Command {
  return command
    .option("--metric <name>", metrics)
    .option("--device <name>", "the tag device of series, or else their source")
    .option("--source <name>", "who sends the series")
    .option("--series-tag <key=value>", "a tag of the series; may be repeated", collectTags)
    .option("--alert <id>", "an alert; the first letters of its id are enough");
}

/** The whole id of an alert that is named; "" where none is. */
export async function alertIdOf(connection: Connection, { alert }: PinFlags, signal: AbortSignal): Promise<string> {
  return alert === undefined ? "" : (await findAlerts(connection, [alert], { signal }))[0].id;
}

function collectTags(text: string, all: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const [, key, value] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (key === undefined) throw new InvalidArgumentError("wanted KEY=VALUE, such as site=north");
  return { ...all, [key]: value };
}
