/** Whether the server's addresses are free, or who has them. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { parseAddress } from "../../model/address.ts";
import { messageOf } from "../../model/errors.ts";
import { findings, type Finding } from "./finding.ts";

/** Of /proc/net/tcp. */
const LISTENING = "0A";

export interface Holder {
  readonly pid: number;
  readonly name: string;
}

/** `serverPid`: who has the data directory. */
export function checkPort(what: string, address: string, serverPid: number | undefined): Finding {
  const { ok, problem } = findings("ports");
  const { host, port } = parseAddress(address);
  if (port === 0) return ok(`${what} takes any free port of ${host}`);
  try {
    Bun.listen({ hostname: host, port, socket: { data() {} } }).stop(true);
    return ok(`${what} ${address} is free`);
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (code !== "EADDRINUSE") {
      const text = `${what} cannot listen on ${address}: ${messageOf(error)}`;
      return problem(text, "name an address of this machine, and a port above 1023");
    }
    const holder = holderOf(port);
    if (holder !== undefined && holder.pid === serverPid) {
      return ok(`${what} ${address} is served by process ${holder.pid}`);
    }
    const who = holder === undefined ? "another program" : `${holder.name}, process ${holder.pid}`;
    const key = what === "gRPC" ? "--grpc" : "--http";
    return problem(`${what} ${address} is taken by ${who}`, `stop it, or choose another port with ${key}`);
  }
}

/** Who listens on a port, as far as this user may see. */
function holderOf(port: number): Holder | undefined {
  const sockets = new Set(listeningInodes(port).map((inode) => `socket:[${inode}]`));
  if (sockets.size === 0) return undefined;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    for (const link of linksOf(`/proc/${pid}/fd`)) {
      if (sockets.has(link)) return { pid: Number(pid), name: textOf(`/proc/${pid}/comm`).trim() };
    }
  }
  return undefined;
}

function listeningInodes(port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const lines = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => textOf(path).split("\n"));
  const rows = lines.map((line) => line.trim().split(/\s+/));
  return rows
    .filter(([, local = "", , state]) => state === LISTENING && local.endsWith(`:${hex}`))
    .map((row) => row[9]);
}

function* linksOf(dir: string): Generator<string> {
  try {
    for (const fd of readdirSync(dir)) yield readlinkSync(`${dir}/${fd}`);
  } catch {
    // Of others, or gone meanwhile.
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
