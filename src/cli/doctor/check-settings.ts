/** What the settings are, and what follows from them. */
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import type { LoadedConfig } from "../../config/load.ts";
import { parseAddress } from "../../model/address.ts";
import { formatByteSize } from "../../model/byte-size.ts";
import { formatDurationMs } from "../../model/duration.ts";
import { counted } from "../counted.ts";
import { findings, type Finding } from "./finding.ts";

/** Of the memory there is, what points may take; the rest of the server takes about as much again. */
const BUDGET_SHARE_MAX = 0.5;

export function checkSettings({ config, settings, warnings }: LoadedConfig): Finding[] {
  const { ok, warning, problem } = findings("settings");
  const set = settings.filter(({ origin }) => origin !== "default").length;
  const own = `${counted(set, "setting")} of your own; watchpost config lists them`;
  const found: Finding[] = [ok(set === 0 ? "all settings are the defaults" : own)];
  for (const text of warnings) found.push(warning(text));
  const open = [config.grpc, config.http].filter((address) => !parseAddress(address).isLoopback);
  const reached = `${open.join(" and ")} can be reached from other machines`;
  if (open.length > 0 && config.insecure) {
    found.push(warning(`${reached}, and insecure is set`, "take insecure away unless the network is yours alone"));
  } else if (open.length > 0 && config.tls.cert === undefined) {
    const advice =
      "set tls.cert and tls.key (watchpost init makes them), bind 127.0.0.1, or say --insecure if the network is yours alone";
    found.push(problem(`${reached}, which the server refuses without TLS`, advice));
  } else if (open.length > 0) {
    found.push(
      ok(`${reached}, over TLS; the server wants a token or another credential to be there, and asks for one`),
    );
  }
  if (config.store.sync_interval > 0) {
    const interval = formatDurationMs(config.store.sync_interval);
    const text = `store.sync_interval is ${interval}: a power cut can take what was acknowledged in that time`;
    found.push(warning(text, "set it to 0s unless the disk is flash that wears out"));
  }
  const { raw, disk_budget: budget } = config.retention;
  if (raw === Infinity && budget === Infinity) {
    const text = "points are kept until the disk is nearly full, then the oldest go";
    found.push(ok(`${text}; retention.raw and retention.disk_budget say otherwise`));
  }
  return [...found, ...checkMemory(config.memory.budget, totalmem(), cgroupMemoryBytes())];
}

/** `limitBytes`: what the process may take of the machine; Infinity: all. */
export function checkMemory(budgetBytes: number, machineBytes: number, limitBytes: number): Finding[] {
  const { ok, warning, problem } = findings("memory");
  const thereBytes = Math.min(machineBytes, limitBytes);
  const whose = limitBytes < machineBytes ? "that this process may have" : "of the machine";
  const text = `memory.budget is ${formatByteSize(budgetBytes)} of ${formatByteSize(thereBytes)} ${whose}`;
  const quarter = formatByteSize(Math.floor(thereBytes / 4 / 2 ** 20) * 2 ** 20);
  const advice = `set memory.budget to ${quarter}, or give it more memory`;
  if (budgetBytes >= thereBytes) return [problem(text, advice)];
  return [budgetBytes > thereBytes * BUDGET_SHARE_MAX ? warning(text, advice) : ok(text)];
}

/** The least limit of the control groups that this process is in; Infinity where there is none, or it cannot be read. */
function cgroupMemoryBytes(): number {
  let least = Infinity;
  const own = /^0::(\/.*)$/m.exec(read("/proc/self/cgroup"))?.[1] ?? "/";
  for (let path = own; ; path = dirname(path)) {
    const limit = Number.parseInt(read(join("/sys/fs/cgroup", path, "memory.max")), 10);
    if (Number.isFinite(limit)) least = Math.min(least, limit);
    if (path === "/") return least;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
