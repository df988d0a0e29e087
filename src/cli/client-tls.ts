/** What a client shows of itself, and whom it believes, when it talks to a server over TLS. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { channelCredentials, type ClientTls } from "../wire/channel-credentials.ts";

/** By option; the environment holds them where no flag does. */
const FILES = {
  ca: { flag: "--ca", variable: "WATCHPOST_CA" },
  cert: { flag: "--cert", variable: "WATCHPOST_CERT" },
  key: { flag: "--key", variable: "WATCHPOST_KEY" },
} as const;

interface Given {
  /** The flag or the variable. */
  readonly name: string;
  readonly path: string;
}

export function addTlsOptions(command: Command): Command {
  return command
    .option("--ca <file>", "who signed the server's certificate, in PEM; WATCHPOST_CA names it too")
    .option("--cert <file>", "a client certificate to show, in PEM; WATCHPOST_CERT names it too")
    .option("--key <file>", "its key, where it is not in the same file; WATCHPOST_KEY names it too");
}

/**
 * Undefined: without TLS, which neither the server's address nor a flag asks for. Throws INVALID_ARGUMENT with the flag or
 * the variable whose file cannot be used.
 */
export function clientTls(command: Command, isAsked: boolean): ClientTls | undefined {
  const flags = command.opts<Record<string, string | undefined>>();
  const isFlagged = Object.keys(FILES).some((option) => flags[option] !== undefined);
  if (!isAsked && !isFlagged) return undefined;
  const given = (option: keyof typeof FILES): Given | undefined => {
    const { flag, variable } = FILES[option];
    if (flags[option] !== undefined) return { name: flag, path: flags[option] };
    const path = process.env[variable];
    return path === undefined || path === "" ? undefined : { name: variable, path };
  };
  const [ca, cert, key] = [given("ca"), given("cert"), given("key")];
  const tls: ClientTls = { ca: ca && read(ca), ...ownOf(cert, key) };
  try {
    channelCredentials(tls);
  } catch (error) {
    const names = [ca, cert, key].flatMap((one) => (one === undefined ? [] : [`${one.name} ${one.path}`]));
    throw new WatchpostError("INVALID_ARGUMENT", `${names.join(", ")}: ${messageOf(error)}`);
  }
  return tls;
}

function ownOf(cert: Given | undefined, key: Given | undefined): Pick<ClientTls, "cert" | "key"> {
  if (cert === undefined && key === undefined) return {};
  if (cert === undefined) throw wrong(`${key!.name} wants ${FILES.cert.flag}, the certificate of that key`);
  const pem = read(cert);
  if (key !== undefined) return { cert: pem, key: read(key) };
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem.toString("latin1"))) return { cert: pem, key: pem };
  throw wrong(`${cert.name} wants ${FILES.key.flag}: there is no key in ${cert.path}`);
}

function read({ name, path }: Given): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw wrong(`${name} ${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? messageOf(error)}`);
  }
}

function wrong(message: string): WatchpostError {
  return new WatchpostError("INVALID_ARGUMENT", message);
}
