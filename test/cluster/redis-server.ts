/** A real redis-server for a test: Debian's, on a port of its own, in a temporary folder. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now. */
  readonly pid: number;
  /** Stops the process where it stands: it keeps its connections. */
  pause(): void;
  resume(): void;
  /** As a crash does it; what it kept is gone. */
  kill(): Promise<void>;
  /** Again, at the same port, with nothing in it. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const program = Bun.which("redis-server");
export const valkey = Bun.which("valkey-server");

/** Says so where it cannot be tried. */
export const hasRedis = program !== null;
if (!hasRedis && process.env["WATCHPOST_TEST_SKIP"] === "never") throw new Error("redis-server is missing");
if (!hasRedis) console.log("skipped: redis-server is not installed");

/** `settings`: further ones, such as ["--maxmemory", "1mb"]. `server`: another one that is as good. */
export async function startRedis(settings: readonly string[] = [], server = program!): Promise<RedisServer> {
  const dir = mkdtempSync(join(tmpdir(), "watchpost-redis-"));
  const port = await freePort();
  const start = async () => {
    const argv = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no"];
    const child = Bun.spawn([server, ...argv, ...settings], { stdout: "pipe", stderr: "ignore" });
    const decoder = new TextDecoder();
    let said = "";
    for await (const chunk of child.stdout) {
      said += decoder.decode(chunk, { stream: true });
      if (said.includes("Ready to accept connections")) return child;
    }
    throw new Error(`redis-server did not start: ${said}`);
  };
  let child = await start();
  const kill = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid;
    },
    pause: () => child.kill("SIGSTOP"),
    resume: () => child.kill("SIGCONT"),
    kill,
    async restart() {
      await kill();
      child = await start();
    },
    async [Symbol.asyncDispose]() {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** One that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
