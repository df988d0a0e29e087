/** Debian's mosquitto on free ports of its own. */
import { existsSync, writeFileSync } from "node:fs";
import { tempDir } from "../../support/server-process.ts";
import { closedPort, selfSigned } from "./rig.ts";

/** Debian puts it where only root's PATH leads. */
const PROGRAM = ["/usr/sbin/mosquitto", Bun.which("mosquitto") ?? ""].find(existsSync);
const TRIES = 5;

export const USER = { user: "device", password: "pa ss/wörd" };

/** For testNeeding. */
export function mosquittoMissing(): string | false {
  return PROGRAM === undefined ? "mosquitto" : false;
}

export interface Broker {
  readonly port: number;
  readonly tlsPort: number;
  /** Of the authority that signed the TLS listener's certificate. */
  readonly caFile: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Everybody may use topics but those under "forbidden/", which nobody may publish to; a wrong password is refused. */
export async function startBroker(): Promise<Broker> {
  const directory = tempDir("mosquitto");
  const { key, cert } = selfSigned(directory.path);
  const passwords = `${directory.path}/passwords`;
  writeFileSync(passwords, `${USER.user}:${USER.password}\n`);
  Bun.spawnSync(["mosquitto_passwd", "-U", passwords]);
  const acl = ["topic read #", "topic write open/#", "user device", "topic read #", "topic write open/#"];
  writeFileSync(`${directory.path}/acl`, `${acl.join("\n")}\n`);
  // Another program may take a port between our finding it free and the broker's opening it.
  for (let tries = 1; ; tries++) {
    const [port, tlsPort] = [await closedPort(), await closedPort()];
    const settings = [
      "user root",
      "allow_anonymous true",
      `password_file ${passwords}`,
      `acl_file ${directory.path}/acl`,
      `listener ${port} 127.0.0.1`,
      `listener ${tlsPort} 127.0.0.1`,
      `certfile ${cert}`,
      `keyfile ${key}`,
    ];
    writeFileSync(`${directory.path}/conf`, `${settings.join("\n")}\n`);
    const child = Bun.spawn([PROGRAM!, "-c", `${directory.path}/conf`], { stdout: "ignore", stderr: "pipe" });
    const said = await untilRunning(child.stderr);
    if (said === undefined) {
      return {
        port,
        tlsPort,
        caFile: cert,
        async [Symbol.asyncDispose]() {
          child.kill();
          await child.exited;
          directory[Symbol.dispose]();
        },
      };
    }
    child.kill();
    await child.exited;
    if (tries === TRIES) throw new Error(`mosquitto does not start:\n${said}`);
  }
}

/** Undefined once it runs; what it said where it ended before. Reads on, so that it is never held back. */
async function untilRunning(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  const running = Promise.withResolvers<string | undefined>();
  const decoder = new TextDecoder();
  let said = "";
  void (async () => {
    for await (const chunk of stream) {
      said += decoder.decode(chunk, { stream: true });
      if (/mosquitto version \S+ running/.test(said)) running.resolve(undefined);
    }
    running.resolve(said);
  })();
  return running.promise;
}
