/** `watchpost config`: the settings in force and where each comes from. */
import { Command } from "commander";
import { stringify } from "smol-toml";
import { variableOf, type Setting } from "../config/load.ts";
import { addServerFlags, configOfFlags, type ServerFlags } from "./server-flags.ts";

export function configCommand(): Command {
  return addServerFlags(new Command("config"))
    .summary("print the settings in force, as a TOML file")
    .description("Prints the settings in force as a TOML file that --config takes, each with where it comes from.")
    .action((flags: ServerFlags) => {
      const { settings, warnings } = configOfFlags(flags);
      for (const warning of warnings) console.error(`warning: ${warning}`);
      console.log(renderSettings(settings));
    });
}

/** A TOML file with a comment for every setting. */
export function renderSettings(settings: readonly Setting[]): string {
  const lines: string[] = [];
  let table = "";
  for (const { key, value, origin } of settings) {
    const dot = key.lastIndexOf(".");
    if (key.slice(0, Math.max(dot, 0)) !== table) {
      table = key.slice(0, dot);
      lines.push("", `[${table}]`);
    }
    const name = key.slice(dot + 1);
    const assignment = stringify({ [name]: value }).trim();
    lines.push(`${assignment.padEnd(36)} # ${origin === "default" ? `default; ${variableOf(key)}` : origin}`);
  }
  return lines.join("\n");
}
