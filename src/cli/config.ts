/** `watchpost config`: the settings in force and where each comes from. */
import { Command } from "commander";
import { stringify } from "smol-toml";
import { isSecret, variableOf, type Setting } from "../config/load.ts";
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
  // Lists of tables stand last: nothing can be added to the table that one is in.
  const [lists, others] = [settings.filter(isList), settings.filter((setting) => !isList(setting))];
  for (const { key, value, origin } of others) {
    const dot = key.lastIndexOf(".");
    if (key.slice(0, Math.max(dot, 0)) !== table) {
      table = key.slice(0, dot);
      lines.push("", `[${table}]`);
    }
    const name = key.slice(dot + 1);
    if (isSecret(key) && origin !== "default") {
      lines.push(`# ${name} is set and not shown: ${origin}`);
      continue;
    }
    const assignment = stringify({ [name]: value }).trim();
    lines.push(`${assignment.padEnd(36)} # ${origin === "default" ? `default; ${variableOf(key)}` : origin}`);
  }
  for (const { key, value, origin } of lists) lines.push("", `# ${origin}`, listOfTables(key, value as unknown[]));
  return lines.join("\n");
}

function isList({ value }: Setting): boolean {
  return Array.isArray(value);
}

function listOfTables(key: string, value: readonly unknown[]): string {
  const whole = key.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
  return stringify(whole)
    .split("\n")
    .filter((line) => !/^\[[^[]/.test(line) || line.includes(`${key}.`))
    .join("\n")
    .trim();
}
