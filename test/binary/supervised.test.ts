/** The compiled executable under a manager: readiness, signs of life from all threads, a reload, the end. */
import { expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { program, testNeeding, working } from "../support/needs.ts";
import { NotifyListener } from "../support/notify-listener.ts";
import { BINARY, startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";

const WATCHDOG_US = 600_000;
const WATCHDOG_MS = WATCHDOG_US / 1_000;
const MISSING = [program("python3")];
/** Holds one thread until its stdin ends, as a debugger would; PTRACE_SEIZE, PTRACE_INTERRUPT, waitpid with __WALL. */
const HOLD = `
import ctypes, os, sys
libc, thread = ctypes.CDLL(None, use_errno=True), int(sys.argv[1])
if libc.ptrace(0x4206, thread, 0, 0) != 0 or libc.ptrace(0x4207, thread, 0, 0) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
os.waitpid(thread, 0x40000000)
print("held", flush=True)
sys.stdin.read()
`;
/** On a process that has nothing else to do. */
const MAY_HOLD = working("leave to trace processes", [
  "sh",
  "-c",
  'sleep 5 & python3 -c "$0" $! </dev/null; code=$?; kill $!; exit $code',
  HOLD,
]);

async function started(listener: NotifyListener, data: string, args: string[] = []): Promise<ServerProcess> {
  const env = { NOTIFY_SOCKET: listener.address, WATCHDOG_USEC: String(WATCHDOG_US) };
  return startServerProcess({ data, binary: true, env, args });
}

for (const isAbstract of [false, true]) {
  testNeeding(MISSING)(
    `${isAbstract ? "an abstract socket" : "a socket"} hears of readiness, life and end`,
    async () => {
      using dir = tempDir("supervised");
      await using listener = await NotifyListener.start({ isAbstract });
      const rules = join(dir.path, "rules.yaml");
      await Bun.write(rules, "rules: []\n");
      await Bun.write(join(dir.path, "settings.toml"), `[alerts]\nrules_file = ${JSON.stringify(rules)}\n`);
      const server = await started(listener, join(dir.path, "data"), ["--config", join(dir.path, "settings.toml")]);
      const ready = await listener.until((told) => told["READY"] === "1");
      expect(ready["STATUS"]).toBe(`serving gRPC on ${server.grpc}, HTTP on ${server.http}`);
      expect((await fetch(`http://${server.http}/readyz`)).status).toBe(200);
      for (let i = 0; i < 3; i++) await listener.until((told) => told["WATCHDOG"] === "1", listener.told.length);
      let before = listener.told.length;
      server.kill("SIGHUP");
      await listener.until((told) => told["RELOADING"] === "1", before);
      await listener.until((told) => told["READY"] === "1", before);
      // What it logs comes over a pipe, which may be read later than the socket.
      const isReread = () =>
        server.log().some(({ msg }) => msg === "the rules file was read again: its rules are in force");
      while (!isReread()) await Bun.sleep(10);
      before = listener.told.length;
      expect(await server.stop()).toBe(0);
      await listener.until((told) => told["STOPPING"] === "1", before);
      expect(listener.told.at(-1)).toMatchObject({ STOPPING: "1", EXTEND_TIMEOUT_USEC: "70000000" });
    },
  );
}

/** The event loop, then the log worker and the store worker. */
function threadsOf(pid: number): number[] {
  const named = readdirSync(`/proc/${pid}/task`).map((id) => ({
    id: Number(id),
    name: readFileSync(`/proc/${pid}/task/${id}/comm`, "utf8").trim(),
  }));
  return [pid, ...named.filter(({ name }) => name === "Worker").map(({ id }) => id)];
}

testNeeding([...MISSING, MAY_HOLD])(
  "there is no sign of life while any one of the threads hangs",
  async () => {
    using dir = tempDir("supervised");
    await using listener = await NotifyListener.start();
    const server = await started(listener, join(dir.path, "data"));
    try {
      const isAlive = (told: Record<string, string>) => told["WATCHDOG"] === "1";
      const threads = threadsOf(server.pid);
      expect(threads).toHaveLength(3);
      for (const thread of threads) {
        await listener.until(isAlive, listener.told.length);
        const holder = Bun.spawn(["python3", "-c", HOLD, String(thread)], { stdin: "pipe", stdout: "pipe" });
        await holder.stdout.getReader().read();
        // One may have been on its way.
        await Bun.sleep(WATCHDOG_MS / 3);
        const before = listener.told.length;
        await Bun.sleep(2 * WATCHDOG_MS);
        expect([thread, listener.told.slice(before)]).toEqual([thread, []]);
        await holder.stdin.end();
        expect(await holder.exited).toBe(0);
        await listener.until(isAlive, before);
      }
    } finally {
      server.kill();
      await server.exited;
    }
  },
  120_000,
);

testNeeding(MISSING)("a long replay of the log tells how far it has come, and asks for time", async () => {
  using dir = tempDir("supervised");
  const data = join(dir.path, "data");
  const first = await startServerProcess({ data, binary: true });
  const upload = Bun.spawn([BINARY, "upload", "-", "--source", "s", "--server", first.grpc], {
    stdin: new Blob(['{"metric":"m","value":7}\n'.repeat(1_000)]),
    stderr: "ignore",
  });
  expect(await upload.exited).toBe(0);
  first.kill();
  await first.exited;
  await using listener = await NotifyListener.start();
  const server = await started(listener, data);
  const ready = await listener.until((told) => told["READY"] === "1");
  const step = listener.told[0];
  expect(step["EXTEND_TIMEOUT_USEC"]).toBe("60000000");
  expect(step["STATUS"]).toMatch(/^reading the log: [\d,]+ points so far$/);
  expect(listener.told.indexOf(ready)).toBeGreaterThan(0);
  await server.stop();
});
