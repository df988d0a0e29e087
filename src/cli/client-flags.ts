/** What the commands that talk to a server share. */
import { readFileSync } from "node:fs";
import { InvalidArgumentError, type Command } from "commander";
import pc from "picocolors";
import { Connection, type Retry } from "../client/connection.ts";
import { parseAddress } from "../model/address.ts";
import { formatRoughDurationMs, parseDurationMs } from "../model/duration.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { tokenIn, withoutTokens } from "../model/token-text.ts";
import type { ClientTls } from "../wire/channel-credentials.ts";
import { addTlsOptions, clientTls } from "./client-tls.ts";
import { serverTarget } from "./server-address.ts";
import { onStopSignal } from "./stop-signals.ts";

export const DEFAULT_SERVER = "127.0.0.1:50051";

/** How the one command of this process reaches its server, and the token that it shows with every call. */
let reached:
  { readonly address: string; readonly tls: ClientTls | undefined; readonly token: string | undefined } | undefined;

/** The address is checked before the command runs, not before its help is shown. It is host:port for the command, over TLS too. */
export function addServerOption(command: Command): Command {
  const server = process.env["WATCHPOST_SERVER"] ?? DEFAULT_SERVER;
  command
    .option(
      "--server <addr>",
      "gRPC address of the server, over TLS as https://host:port; WATCHPOST_SERVER names it too",
      server,
    )
    .option("--token-file <file>", "the file with the token to show; WATCHPOST_TOKEN may hold the token itself");
  return addTlsOptions(command).hook("preAction", () => {
    const source = command.getOptionValueSource("server");
    const name = source === "cli" ? "--server" : "WATCHPOST_SERVER";
    const { address, isTls } = serverTarget(name, command.getOptionValue("server"));
    const [tls, token] = [clientTls(command, isTls), tokenOf(command.getOptionValue("tokenFile"))];
    if (token !== undefined && tls === undefined && !parseAddress(address).isLoopback) {
      console.error(pc.yellow(`the token goes to ${address} without TLS: whoever is on the way can read it`));
    }
    reached = { address, tls, token };
    command.setOptionValueWithSource("server", address, source);
  });
}

/** `address`: of the server, or of what stands before it, whose certificate is the server's all the same. */
export function connectTo(address: string): Connection {
  const { tls, token } = reached ?? {};
  const options = token === undefined ? {} : { token };
  if (tls === undefined || reached?.address === address) return new Connection(address, { ...options, tls });
  return new Connection(address, { ...options, tls: { serverName: parseAddress(reached!.address).host, ...tls } });
}

/** Whether the server can know who calls without being told. */
export function showsCredential(): boolean {
  return reached?.token !== undefined || reached?.tls?.cert !== undefined;
}

/** Not from the command line itself: everybody on a machine can read those. */
function tokenOf(file: string | undefined): string | undefined {
  if (file === undefined) {
    const given = process.env["WATCHPOST_TOKEN"];
    return given ? tokenIn(given, "WATCHPOST_TOKEN") : undefined;
  }
  return tokenIn(textOf(file), `--token-file: ${file}`);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new WatchpostError(
      "INVALID_ARGUMENT",
      withoutTokens(`--token-file: ${file} cannot be read: ${messageOf(error)}`),
    );
  }
}

/** A flag that is a duration, in milliseconds. */
export function durationArgument(text: string): number {
  try {
    return parseDurationMs(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}

/** The same in whole milliseconds, at least one. */
export function wholeMsArgument(text: string): number {
  const ms = durationArgument(text);
  const whole = Math.round(ms);
  // Decimals of seconds are not exact in binary.
  if (whole >= 1 && Math.abs(ms - whole) < 1e-6) return whole;
  throw new InvalidArgumentError("wanted whole milliseconds, at least 1ms");
}

export function integerArgument(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`wanted a whole number from ${min} to ${max}`);
  };
}

/** How many times as fast as it happened. */
export function speedArgument(text: string): number {
  const value = Number(text);
  if (value > 0 && value < Infinity) return value;
  throw new InvalidArgumentError("wanted a number above 0");
}

/** Says on stderr that something failed and is tried again; the same trouble once, then every tenth time. */
export function retryTeller(server: string): (retry: Retry) => void {
  return ({ error, attempt, delayMs }) => {
    if (attempt !== 1 && attempt % 10 !== 0) return;
    const wait = formatRoughDurationMs(Math.max(1, delayMs));
    console.error(pc.yellow(`${server}: ${error.message} (${error.status}); trying again in ${wait}`));
  };
}

/** Aborted by the first Ctrl-C or SIGTERM; see {@link onStopSignal}. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  onStopSignal(() => controller.abort());
  return controller.signal;
}

/** Aborted `delayMs` after `signal`: for what still has to be ended in order. */
export function delayedSignal(signal: AbortSignal, delayMs: number): AbortSignal {
  const controller = new AbortController();
  signal.addEventListener("abort", () => setTimeout(() => controller.abort(), delayMs).unref(), { once: true });
  return controller.signal;
}
