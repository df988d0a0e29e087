/** `watchpost rules get`: rules as a file that `rules apply` takes. */
import { Command } from "commander";
import { allRules } from "../client/rules.ts";
import { WatchpostError } from "../model/errors.ts";
import { compileGlob } from "../model/glob.ts";
import type { Rule } from "../wire/gen/rules_pb.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { rulesYaml } from "./rule-yaml.ts";

const HELP = `
Fields that have their default are there where that is no empty one, so the file says what is in force.

Examples:
  watchpost rules get press-hot
  watchpost rules get 'press-*' > press.yaml
  watchpost rules get '*' --server old:50051 | watchpost rules apply - --server new:50051`;

export function rulesGetCommand(): Command {
  return addServerOption(new Command("get"))
    .summary("print rules as YAML that apply takes")
    .description("Prints rules as a YAML file that rules apply takes.")
    .argument("<name...>", "names of rules, or globs")
    .addHelpText("after", HELP)
    .action(get);
}

async function get(names: string[], flags: { server: string }): Promise<void> {
  const connection = connectTo(flags.server);
  try {
    const rules: Rule[] = [];
    for await (const { rule } of allRules(connection, "", { signal: interruptSignal() })) rules.push(rule!);
    const wanted = new Set<Rule>();
    for (const name of names) {
      const matches = compileGlob(name);
      const found = rules.filter((rule) => matches(rule.name));
      if (found.length === 0) throw new WatchpostError("NOT_FOUND", `there is no rule ${JSON.stringify(name)}`);
      for (const rule of found) wanted.add(rule);
    }
    process.stdout.write(rulesYaml([...wanted]));
  } finally {
    connection.close();
  }
}
