/** Debian's mosquitto with settings of the test's own, on one port also after a restart. */
import { existsSync, writeFileSync } from "node:fs";
import { ownPort } from "./own-port.ts";
import { tempDir } from "./server-process.ts";

/** Debian puts it where only root's PATH leads. */
const PROGRAM = ["/usr/sbin/mosquitto", Bun.which("mosquitto") ?? ""].find(existsSync);
const TRIES = 5;

/** For testNeeding. */
export function mosquittoMissing(): string | false {
  return PROGRAM === undefined ? "mosquitto" : false;
}

export interface MosquittoOptions {
  /** Lines of its configuration, after those that are always there; `directory` is its own. */
  settings?(directory: string): readonly string[];
  /** The same after the line of the listener. */
  listener?(directory: string): readonly string[];
}

/** Without bounds on what it keeps for a client that is away, as docs/mqtt.md asks for. */
const ALWAYS = ["user root", "max_queued_messages 0", "max_inflight_messages 0", "persistence true"];

export class Mosquitto implements AsyncDisposable {
  readonly #directory = tempDir("mosquitto");
  readonly #options: MosquittoOptions;
  #child: Bun.Subprocess<"ignore", "ignore", "pipe"> | undefined;
  port = 0;

  private constructor(options: MosquittoOptions) {
    this.#options = options;
  }

  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const broker = new Mosquitto(options);
    for (let tries = 1; ; tries++) {
      broker.port = ownPort();
      try {
        await broker.start();
        return broker;
      } catch (error) {
        if (tries < TRIES) continue;
        await broker[Symbol.asyncDispose]();
        throw error;
      }
    }
  }

  get directory(): string {
    return this.#directory.path;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const { settings = () => ["allow_anonymous true"], listener = () => [] } = this.#options;
    const path = this.directory;
    const lines = [...ALWAYS, `persistence_location ${path}/`, ...settings(path), `listener ${this.port} 127.0.0.1`];
    writeFileSync(`${path}/conf`, `${[...lines, ...listener(path)].join("\n")}\n`);
    this.#child = Bun.spawn([PROGRAM!, "-c", `${path}/conf`], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    const said = await untilRunning(this.#child.stderr);
    if (said !== undefined) throw new Error(`mosquitto does not start:\n${said}`);
  }

  /** SIGTERM: it writes down what it keeps. */
  async stop(): Promise<void> {
    this.#child?.kill();
    await this.#child?.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#directory[Symbol.dispose]();
  }
}

/** Undefined once it runs; what it said where it ended before. Reads on, so that it is never held back. */
async function untilRunning(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  const running = Promise.withResolvers<string | undefined>();
  const decoder = new TextDecoder();
  let said = "";
  void (async () => {
    for await (const chunk of stream) {
      said = (said + decoder.decode(chunk, { stream: true })).slice(-10_000);
      if (/mosquitto version \S+ running/.test(said)) running.resolve(undefined);
    }
    running.resolve(said);
  })();
  return running.promise;
}
