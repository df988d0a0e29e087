import type { Command } from "commander";

/** `--user`: who does it. */
export function addUserOption(command: Command): Command {
  return command.option("--user <name>", "who does it (default: $USER)");
}

/** Whoever is named, or whose terminal it is; "" where nobody is, and the server names whoever calls. */
export function userOf({ user }: { readonly user?: string }): string {
  const { USER, LOGNAME, USERNAME } = process.env;
  return user ?? (USER || LOGNAME || USERNAME || "");
}
