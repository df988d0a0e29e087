/** The flags that `serve`, `config` and `demo` share, and the configuration they make. */
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import type { Command } from "commander";
import { loadConfig, type LoadedConfig } from "../config/load.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";

export interface ServerFlags {
  data?: string;
  grpc?: string;
  http?: string;
  config?: string;
  insecure?: boolean;
  redis?: string;
  logFormat?: string;
  logLevel?: string;
}

/** `defaults`: what help says of a command with defaults of its own. */
export function addServerFlags(command: Command, defaults: { data?: string; logLevel?: string } = {}): Command {
  const { data = "./watchpost-data", logLevel = "info" } = defaults;
  return command
    .option("--data <dir>", `keep everything in this directory (default: ${data})`)
    .option("--grpc <addr>", "gRPC address; port 0 chooses a free one (default: 127.0.0.1:50051)")
    .option("--http <addr>", "HTTP address: Connect, gRPC-Web, /live, /metrics (default: 127.0.0.1:8080)")
    .option("--config <file>", "TOML file with settings; WATCHPOST_CONFIG names it too")
    .option("--insecure", "allow addresses that other machines can reach, without authentication")
    .option(
      "--redis <url>",
      "the Redis that makes several nodes one system; with a password rather WATCHPOST_REDIS_URL",
    )
    .option("--log-format <format>", "pretty, json, or auto: pretty on a terminal (default: auto)")
    .option("--log-level <level>", `debug, info, warn or error (default: ${logLevel})`);
}

const KEY_OF_FLAG: Record<Exclude<keyof ServerFlags, "config">, string> = {
  data: "data",
  grpc: "grpc",
  http: "http",
  insecure: "insecure",
  redis: "redis.url",
  logFormat: "log.format",
  logLevel: "log.level",
};

/** Throws what {@link loadConfig} throws, also where the file cannot be read. */
export function configOfFlags(
  flags: ServerFlags,
  env: Readonly<Record<string, string | undefined>> = process.env,
): LoadedConfig {
  const set: Record<string, string | boolean> = {};
  for (const [flag, key] of Object.entries(KEY_OF_FLAG)) {
    const value = flags[flag as keyof typeof KEY_OF_FLAG];
    if (value !== undefined) set[key] = value;
  }
  const path = flags.config ?? env["WATCHPOST_CONFIG"];
  const file = path === undefined ? {} : { file: { name: path, text: readText(path) } };
  return loadConfig({ ...file, env, flags: set, machineMemoryBytes: totalmem() });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const message = `the configuration file ${path} cannot be read: ${messageOf(error)}`;
    throw new WatchpostError("FAILED_PRECONDITION", message);
  }
}
