/** `watchpost rules`: what is watched for, and how grave that is. */
import { Command } from "commander";
import { rulesApplyCommand } from "./rules-apply.ts";
import { rulesBacktestCommand } from "./rules-backtest.ts";
import { rulesDeleteCommand } from "./rules-delete.ts";
import { rulesGetCommand } from "./rules-get.ts";
import { rulesListCommand } from "./rules-list.ts";
import { rulesTestCommand } from "./rules-test.ts";

const HELP = `
A rules file is YAML; docs/alerts.md has an example of every condition. This is a whole one:

  rules:
    - name: press-hot
      metric: temperature_f
      condition: { threshold: { above: 180, clear: 170 } }
      for: 30s
      severity: high

Examples:
  watchpost rules apply rules/*.yaml --prune
  watchpost rules list press-
  watchpost rules get press-hot > press-hot.yaml
  watchpost rules delete press-hot
  watchpost rules test tests/*.yaml                  # unit tests, without a server
  watchpost rules backtest draft.yaml --last 7d      # over what is stored`;

export function rulesCommand(): Command {
  return new Command("rules")
    .summary("rules that alerts come from: apply, list, get, delete, test, backtest")
    .description("Puts, shows, deletes and tests the rules that alerts come from.")
    .addCommand(rulesApplyCommand())
    .addCommand(rulesListCommand())
    .addCommand(rulesGetCommand())
    .addCommand(rulesDeleteCommand())
    .addCommand(rulesTestCommand())
    .addCommand(rulesBacktestCommand())
    .addHelpText("after", HELP);
}
