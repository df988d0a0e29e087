/** Defaults < TOML file < WATCHPOST_* environment < flags, validated as a whole. */
import { parseAddress } from "../model/address.ts";
import { closestName } from "../model/closest-name.ts";
import { messageOf, truncated, WatchpostError } from "../model/errors.ts";
import { withoutTokens } from "../model/token-text.ts";
import { authContradictions } from "./auth-settings.ts";
import { defaultSettings, impliedDefaults, settingsSchema, type Config } from "./config.ts";
import type { Problem } from "./leaves.ts";
import { meantSetting } from "./meant-setting.ts";
import { tlsContradictions } from "./tls-settings.ts";
import { remoteWriteContradictions } from "./remote-write-settings.ts";
import { UPSTREAM_DEFAULTS } from "./upstream-settings.ts";

type Leaf = string | number | boolean;
export type SettingsTree = { readonly [key: string]: Leaf | SettingsTree };

export interface ConfigSources {
  /** The text of the TOML file and the name it is shown by. */
  readonly file?: { readonly name: string; readonly text: string };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Dotted keys, such as "log.format". */
  readonly flags: Readonly<Record<string, string | boolean>>;
  readonly machineMemoryBytes: number;
}

/** One setting in force. */
export interface Setting {
  /** Dotted. */
  readonly key: string;
  readonly value: unknown;
  /** "default", a file's name, an environment variable, a flag, or "follows from" another setting. */
  readonly origin: string;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly settings: readonly Setting[];
  /** What was not understood and does no harm. */
  readonly warnings: readonly string[];
}

const ENV_PREFIX = "WATCHPOST_";
/** Names the command line reads itself. */
const ENV_OTHER = new Set([
  ...["WATCHPOST_CONFIG", "WATCHPOST_SERVER", "WATCHPOST_TOKEN", "WATCHPOST_CA", "WATCHPOST_CERT", "WATCHPOST_KEY"],
]);

/** Throws FAILED_PRECONDITION with a line for every key that is wrong: the key, where it came from, what was wanted. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const merged = new Map<string, Setting>();
  const known = flatten(defaultSettings(sources.machineMemoryBytes) as SettingsTree);
  for (const [key, value] of known) merged.set(key, { key, value, origin: "default" });

  if (sources.file !== undefined) {
    const origin = sources.file.name;
    for (const [key, value] of flatten(readToml(sources.file))) merged.set(key, { key, value, origin });
  }

  const warnings: string[] = [];
  // Those of tables that have names of their own are known from the file.
  const keyOfVariable = new Map([...merged.keys()].map((key) => [variableOf(key), key]));
  for (const [variable, value] of Object.entries(sources.env)) {
    if (!variable.startsWith(ENV_PREFIX) || value === undefined || ENV_OTHER.has(variable)) continue;
    const key = keyOfVariable.get(variable);
    if (key === undefined)
      warnings.push(
        `${variable} in the environment is no setting of Watchpost; ${ignored(variable, [...keyOfVariable.keys()])}`,
      );
    else merged.set(key, { key, value, origin: variable });
  }

  for (const [key, value] of Object.entries(sources.flags)) {
    // redis.url is --redis.
    merged.set(key, { key, value, origin: `--${key.replace(/\.url$/, "").replaceAll(/[._]/g, "-")}` });
  }

  for (const { key, value, from } of impliedDefaults((name) => merged.get(name)?.value)) {
    if (merged.get(key)?.origin === "default") merged.set(key, { key, value, origin: `follows from ${from}` });
  }

  const settings = [...merged.values()];
  const tree = unflatten(settings);
  const result = settingsSchema.safeParse(tree);
  const problems = [...(result.success ? [] : result.error.issues.flatMap(describeIssue)), ...contradictions(tree)];
  if (problems.length > 0 || !result.success) throw configError(problems.map((problem) => withOrigin(problem, merged)));
  return { config: result.data, settings, warnings };
}

function ignored(variable: string, known: readonly string[]): string {
  const nameOf = (one: string) => one.slice(ENV_PREFIX.length).toLowerCase();
  const closest = closestName(nameOf(variable), known.map(nameOf));
  return `it is ignored${closest === undefined ? "" : `; did you mean ${ENV_PREFIX}${closest.toUpperCase()}?`}`;
}

/** The environment variable that sets a key: "ingest.series_max" is WATCHPOST_INGEST_SERIES_MAX. */
export function variableOf(key: string): string {
  return ENV_PREFIX + key.replaceAll(".", "_").toUpperCase();
}

type Issue = { readonly path: PropertyKey[]; readonly message: string; readonly code: string; keys?: string[] };

function describeIssue(issue: unknown): Problem[] {
  const { path, message, code, keys = [] } = issue as Issue;
  const at = path.join(".");
  if (code === "unrecognized_keys") {
    return keys.map((key) => {
      const meant = meantSetting(settingsSchema, path, key);
      const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
      return { key: [...path, key].join("."), wanted: `there is no such setting${hint}` };
    });
  }
  const isOwnText = code !== "invalid_type" || !message.startsWith("Invalid input");
  return [{ key: at, wanted: isOwnText ? message : "wanted a table of settings" }];
}

/** Between settings that are right by themselves, whatever the others are. */
function contradictions(tree: Record<string, unknown>): Problem[] {
  const problems: Problem[] = [];
  const live = settingsSchema.shape.live.safeParse(tree["live"]).data;
  if (live !== undefined && live.interval_min > live.interval_max) {
    problems.push({ key: "live.interval_min", wanted: "wanted at most live.interval_max" });
  }
  const upstream = settingsSchema.shape.upstream.safeParse(tree["upstream"]).data;
  if (upstream !== undefined && upstream.backoff_min > upstream.backoff_max) {
    problems.push({ key: "upstream.backoff_min", wanted: "wanted at most upstream.backoff_max" });
  }
  if (upstream !== undefined && upstream.function !== UPSTREAM_DEFAULTS.function && upstream.step === undefined) {
    problems.push({ key: "upstream.function", wanted: "wanted together with upstream.step, whose points it makes" });
  }
  const remoteWrite = settingsSchema.shape.remote_write.safeParse(tree["remote_write"]).data;
  if (remoteWrite !== undefined) problems.push(...remoteWriteContradictions(remoteWrite));
  const needTls = ["ca_file", "cert_file", "key_file", "token_file"] as const;
  for (const name of needTls) {
    if (upstream === undefined || upstream.tls || upstream[name] === undefined) continue;
    // A token is not for everybody on the way, which to this machine is nobody.
    const isToken = name === "token_file";
    if (isToken && upstream.address !== undefined && parseAddress(upstream.address).isLoopback) continue;
    const orHere = isToken ? ", or an upstream.address of this machine such as 127.0.0.1:50051" : "";
    problems.push({ key: `upstream.${name}`, wanted: `wanted together with upstream.tls = true${orHere}` });
  }
  return [...problems, ...authContradictions(tree["auth"]), ...tlsContradictions(tree["tls"])];
}

function withOrigin({ key, wanted }: Problem, merged: ReadonlyMap<string, Setting>): string {
  const all = [...merged.values()];
  const inside = merged.get(key) ?? all.find((s) => s.key.startsWith(`${key}.`));
  // A list is one setting, whatever is in it.
  const setting = inside ?? all.find((s) => key.startsWith(`${s.key}.`));
  if (setting === undefined) return `${key}: ${wanted}`;
  const value = inside === undefined ? valueIn(setting, key) : setting.value;
  const isShown = setting === inside ? setting.key === key : value !== undefined;
  const shown = isShown ? ` is ${isSecret(key) ? HIDDEN : shownValue(value)}` : "";
  return `${key}${shown} (${setting.origin}): ${wanted}`;
}

const HIDDEN = "<secret>";
const SHOWN_LENGTH_MAX = 200;

/** Whether the value of a setting is used and never shown. */
export function isSecret(key: string): boolean {
  return (
    key === "traces.headers" || key === "remote_write.headers" || key === "redis.url" || /(^|[._])password$/.test(key)
  );
}

function valueIn({ key, value }: Setting, inner: string): unknown {
  let at = value;
  for (const part of inner.slice(key.length + 1).split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<string, unknown>)[part];
  }
  return at;
}

function shownValue(value: unknown): string {
  const text = truncated(JSON.stringify(value) ?? String(value), SHOWN_LENGTH_MAX);
  return withoutTokens(text.replaceAll(/(?<=:\/\/)[^/@]+(?=@)/g, HIDDEN));
}

function configError(problems: readonly string[]): WatchpostError {
  return new WatchpostError("FAILED_PRECONDITION", `the configuration is wrong:\n  ${problems.join("\n  ")}`);
}

function readToml({ name, text }: { name: string; text: string }): SettingsTree {
  const { parse, TomlError } = require("smol-toml") as typeof import("smol-toml");
  try {
    return parse(text) as SettingsTree;
  } catch (error) {
    const place = error instanceof TomlError ? `:${error.line}:${error.column}` : "";
    throw configError([`${name}${place}: ${messageOf(error)}`]);
  }
}

function flatten(tree: SettingsTree, prefix = "", out = new Map<string, Leaf>()): Map<string, Leaf> {
  for (const [name, value] of Object.entries(tree)) {
    const key = prefix + name;
    if (typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)) {
      flatten(value, `${key}.`, out);
    } else out.set(key, value as Leaf);
  }
  return out;
}

function unflatten(settings: readonly Setting[]): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  for (const { key, value } of settings) {
    const parts = key.split(".");
    let at = tree;
    for (const part of parts.slice(0, -1)) {
      const next = Object.hasOwn(at, part) ? at[part] : undefined;
      at = (typeof next === "object" && next !== null ? next : (at[part] = {})) as Record<string, unknown>;
    }
    at[parts.at(-1)!] = value;
  }
  return tree;
}
