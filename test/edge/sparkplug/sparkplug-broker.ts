/** Debian's mosquitto, open to everybody, on a free port. */
import { writeFileSync } from "node:fs";
import { tempDir } from "../../support/server-process.ts";
import { closedPort } from "../../alerts/receivers/rig.ts";

const PROGRAM = "/usr/sbin/mosquitto";
const TRIES = 5;

export interface SparkplugBroker extends AsyncDisposable {
  readonly port: number;
}

export async function startSparkplugBroker(): Promise<SparkplugBroker> {
  const directory = tempDir("mosquitto");
  // Another program may take a port between our finding it free and the broker's opening it.
  for (let tries = 1; ; tries++) {
    const port = await closedPort();
    const settings = ["user root", "allow_anonymous true", `listener ${port} 127.0.0.1`];
    writeFileSync(`${directory.path}/conf`, `${settings.join("\n")}\n`);
    const child = Bun.spawn([PROGRAM, "-c", `${directory.path}/conf`], { stdout: "ignore", stderr: "pipe" });
    if (await isRunning(child.stderr)) {
      return {
        port,
        async [Symbol.asyncDispose]() {
          child.kill();
          await child.exited;
          directory[Symbol.dispose]();
        },
      };
    }
    await child.exited;
    if (tries === TRIES) throw new Error("mosquitto does not start");
  }
}

/** False where it ended before. Reads on, so that it is never held back. */
async function isRunning(stream: ReadableStream<Uint8Array>): Promise<boolean> {
  const running = Promise.withResolvers<boolean>();
  const decoder = new TextDecoder();
  let said = "";
  void (async () => {
    for await (const chunk of stream) {
      if (said.length < 65_536) said += decoder.decode(chunk, { stream: true });
      if (/mosquitto version \S+ running/.test(said)) running.resolve(true);
    }
    running.resolve(false);
  })();
  return running.promise;
}
