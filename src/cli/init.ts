/** `watchpost init`: a configuration, a first token and, where they are wanted, certificates. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import pc from "picocolors";
import { newSecret } from "../access/secret.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { collect } from "./collect.ts";
import { tellSecret } from "./secret-out.ts";
import { calledAs } from "./called-as.ts";
import { configText } from "./init/config-text.ts";
import type { CertifiedKey } from "./init/certificates.ts";

const HELP = `
Writes watchpost.toml, and with --tls a certificate authority of your own in tls/, with a certificate for this server. Nothing that
is there is written over. The secret of the first token, an admin's, goes to stdout, once.

A device with a certificate of that authority needs no token: init in the same directory makes one for each --device.

Examples:
  watchpost init > admin.token
  watchpost init /etc/watchpost --tls --host watchpost.example.org --host 10.0.0.7 > admin.token
  watchpost init /etc/watchpost --device pump-7 --device pump-8`;

const [CONFIG, AUTHORITY, SERVER] = ["watchpost.toml", "ca", "server"];
const [PUBLIC_MODE, PRIVATE_MODE, DIRECTORY_MODE] = [0o644, 0o600, 0o755];
const LOCAL_NAMES = ["localhost", "127.0.0.1", "::1"];
const NAME_LENGTH_MAX = 64;

interface InitFlags {
  tls?: boolean;
  host?: string[];
  device?: string[];
}

export function initCommand(): Command {
  return new Command("init")
    .summary("write a configuration, a first token, certificates")
    .description("Writes a configuration with a first token, and certificates where they are wanted.")
    .argument("[directory]", "where to", ".")
    .option("--tls", "with certificates, so that other machines may reach it")
    .option(
      "--host <name>",
      "a name or address that it is reached by, besides this machine's own; may be repeated",
      host,
    )
    .option("--device <name>", "a certificate for a device of that name; may be repeated", device)
    .addHelpText("after", HELP)
    .action(init);
}

async function init(
  directory: string,
  { tls = false, host: hosts = [], device: devices = [] }: InitFlags,
): Promise<void> {
  const certificates = join(directory, "tls");
  const config = join(directory, CONFIG);
  if (hosts.length > 0 && !tls) {
    throw new WatchpostError("INVALID_ARGUMENT", `--host ${hosts[0]} is for a certificate; wanted --tls beside it`);
  }
  const wantsAuthority = tls || devices.length > 0;
  const isNew = tls || devices.length === 0;
  const written = [
    ...(isNew ? [config] : []),
    ...(tls ? keyFiles(certificates, AUTHORITY, SERVER) : []),
    ...keyFiles(certificates, ...devices),
  ];
  const there = written.find((path) => existsSync(path));
  if (there !== undefined) {
    const wanted = isNew ? "another directory" : "another name, or it and its key moved away first";
    throw new WatchpostError(
      "FAILED_PRECONDITION",
      `${there} is there already, and is not written over; wanted ${wanted}`,
    );
  }
  if (!isNew && !existsSync(join(certificates, `${AUTHORITY}.key`))) {
    const message = `there is no certificate authority in ${certificates}; wanted --tls, which makes one`;
    throw new WatchpostError("FAILED_PRECONDITION", message);
  }
  tried(`make ${wantsAuthority ? certificates : directory}`, () =>
    mkdirSync(wantsAuthority ? certificates : directory, { recursive: true, mode: DIRECTORY_MODE }),
  );
  if (wantsAuthority) await certify(certificates, { tls, hosts, devices });
  if (!isNew) return;

  const { id, secret, hash } = newSecret();
  const cert = (name: string, ending: string) => resolve(certificates, `${name}.${ending}`);
  const facts = { adminToken: `${id}:${hash}`, data: resolve(directory, "watchpost-data") };
  const pem = { cert: cert(SERVER, "pem"), key: cert(SERVER, "key"), clientCa: cert(AUTHORITY, "pem") };
  write(config, configText(tls ? { ...facts, tls: pem } : facts), PUBLIC_MODE);
  const overTls = tls ? `WATCHPOST_SERVER=https://localhost:50051 WATCHPOST_CA=${pem.clientCa} ` : "";
  console.error(`
  Start the server:       ${calledAs()} serve --config ${config}
  Then, in a terminal:    export ${overTls}WATCHPOST_TOKEN=wp_…
                          ${calledAs()} whoami

  ${pc.bold("The token of an admin")}, which is shown once:
`);
  tellSecret(secret);
}

async function certify(
  directory: string,
  { tls = false, hosts, devices }: Record<"hosts" | "devices", string[]> & { tls: boolean },
) {
  // It brings a library that nothing else needs.
  const { newAuthority, signed } = await import("./init/certificates.ts");
  const nowMs = Date.now();
  const keep = (name: string, { certificate, key }: CertifiedKey) => {
    write(join(directory, `${name}.pem`), certificate, PUBLIC_MODE);
    write(join(directory, `${name}.key`), key, PRIVATE_MODE);
  };
  if (tls) keep(AUTHORITY, await newAuthority(`Watchpost of ${hostname()}`.slice(0, NAME_LENGTH_MAX), nowMs));
  const authority = authorityIn(directory);
  if (tls) {
    const names = [...new Set([...hosts, hostname(), ...LOCAL_NAMES])];
    keep(SERVER, await signed(authority, { names, usage: "server" }, nowMs));
  }
  for (const name of devices) {
    const made = await signed(authority, { names: [name], usage: "device" }, nowMs).catch((error: unknown) => {
      const why = `the authority in ${directory} cannot sign: ${messageOf(error)}`;
      throw new WatchpostError("FAILED_PRECONDITION", why);
    });
    keep(name, made);
  }
}

function authorityIn(directory: string): CertifiedKey {
  const read = (ending: string) => {
    const path = join(directory, `${AUTHORITY}.${ending}`);
    return tried(`read ${path}`, () => readFileSync(path, "utf8"));
  };
  return { certificate: read("pem"), key: read("key") };
}

function keyFiles(directory: string, ...names: string[]): string[] {
  return names.flatMap((name) => [join(directory, `${name}.pem`), join(directory, `${name}.key`)]);
}

function write(path: string, text: string, mode: number): void {
  tried(`write ${path}`, () => writeFileSync(path, text, { mode, flag: "wx" }));
  console.error(`  ${path}`);
}

function tried<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new WatchpostError("FAILED_PRECONDITION", `cannot ${what}: ${messageOf(error)}`);
  }
}

function host(given: string, before?: readonly string[]): string[] {
  if (!/^[\w.*:-]{1,253}$/.test(given))
    throw new InvalidArgumentError('wanted a name or address, such as "watchpost.example.org"');
  return collect(given, before);
}

/** It is the name of a file, too. */
function device(given: string, before?: readonly string[]): string[] {
  const isOfServer = given === AUTHORITY || given === SERVER;
  if (!/^[\w-][\w.-]{0,63}$/.test(given) || isOfServer) {
    throw new InvalidArgumentError(
      `wanted 1 to ${NAME_LENGTH_MAX} letters, digits, ".", "_" and "-", and neither "ca" nor "server"`,
    );
  }
  return collect(given, before);
}
