/** Commands against a server: run to their end, watched while they run, on a terminal. */
import { join } from "node:path";
import { BRIEF, startServerProcess, tempDir, watchpostCommand, type ServerProcess } from "../support/server-process.ts";
import { commandRunner, type Ended, type RunOptions } from "./command-runner.ts";

export interface CommandRig {
  readonly dir: string;
  readonly server: ServerProcess;
  /** Runs a command to its end, in {@link dir}; see {@link commandRunner}. */
  run(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** The same, of which nothing but success is wanted; resolves with what it printed. */
  ok(args: readonly string[], options?: RunOptions): Promise<string>;
  /** Begins a command. */
  follow(args: readonly string[]): Followed;
  /** Runs a command on a terminal of `columns`, and types `answer` once it shows `[y/N]`. */
  onTerminal(args: readonly string[], answer?: string, columns?: number): Promise<Ended>;
  /** Sends a value of metric "t". */
  send(device: string, value: number): Promise<void>;
  /** Resolves once what is active of a device is of that gravity, undefined: nothing is. Points are judged after their ack. */
  untilActive(device: string, severity: string | undefined): Promise<void>;
  /** Ends the server with SIGKILL and starts it again under its address; `data`: on another directory. */
  restart(data?: string, args?: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export interface Followed {
  readonly lines: string[];
  /** Resolves with all lines so far, once they are what is wanted; rejects with them after a while. */
  until(isWanted: (lines: readonly string[]) => boolean): Promise<readonly string[]>;
  /** Resolves once a line on standard error has it in it. */
  untilSaid(text: string): Promise<void>;
  /** Ctrl-C; resolves when it has ended. */
  interrupt(): Promise<Ended>;
  readonly ended: Promise<Ended>;
  kill(): void;
}

const PATIENCE_MS = 60_000;

export async function startCommandRig(name: string): Promise<CommandRig> {
  const dir = tempDir(name);
  let data = join(dir.path, "data");
  let server = await startServerProcess({ data });
  const begun: Followed[] = [];
  const environment = () => {
    return { PATH: process.env["PATH"] ?? "", NO_COLOR: "1", WATCHPOST_SERVER: server.grpc, USER: "ann" };
  };
  const runner = commandRunner(dir.path, environment);
  const { run } = runner;
  const ok = async (args: readonly string[], options: RunOptions = {}) => {
    const { code, out, err } = await run(args, options);
    if (code !== 0) throw new Error(`${args.join(" ")} ended with code ${code}: ${out}${err}`);
    return out;
  };
  const call = async (method: string, request: object) => {
    const answer = await fetch(`http://${server.http}/analytics.${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    });
    if (!answer.ok) throw new Error(`${method} of ${JSON.stringify(request)}: ${await answer.text()}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  return {
    dir: dir.path,
    get server() {
      return server;
    },
    run,
    ok,
    follow(args) {
      const followed = follow([...watchpostCommand(false), ...args], { ...BRIEF, ...environment() });
      begun.push(followed);
      return followed;
    },
    async onTerminal(args, answer = "", columns = 120) {
      const command = [...watchpostCommand(false), ...args].map((arg) => `'${arg}'`).join(" ");
      const child = Bun.spawn(["script", "-qec", `stty cols ${columns} rows 20; ${command}`, "/dev/null"], {
        cwd: dir.path,
        env: { ...BRIEF, ...environment(), TERM: "xterm" },
        stdin: "pipe",
        stdout: "pipe",
      });
      let out = "";
      let hasAnswered = false;
      for await (const bytes of child.stdout) {
        out += new TextDecoder().decode(bytes);
        if (hasAnswered || !out.includes("[y/N]")) continue;
        hasAnswered = true;
        void child.stdin.write(answer);
      }
      return { code: await child.exited, out, err: "" };
    },
    async send(device, value) {
      await call("DataIngestion/UploadBatch", {
        source: "gw",
        points: [{ metricName: "t", value, tags: { device } }],
      });
    },
    async untilActive(device, severity) {
      const deadlineMs = performance.now() + PATIENCE_MS;
      for (;;) {
        const { alerts = [] } = await call("Alerts/ListAlerts", { state: "ALERT_STATE_ACTIVE", devices: [device] });
        const found = (alerts as { severity: string }[]).map((alert) => alert.severity);
        if (found[0] === severity && found.length < 2) return;
        if (performance.now() > deadlineMs) {
          throw new Error(`alerts of ${device} are [${found.join(", ")}]; wanted ${severity ?? "none"}`);
        }
        await Bun.sleep(10);
      }
    },
    async restart(other = data, args = []) {
      server.kill();
      await server.exited;
      data = other;
      server = await startServerProcess({ data, args: ["--grpc", server.grpc, ...args] });
    },
    async close() {
      // Those that a failed test has left.
      for (const followed of begun) followed.kill();
      runner.close();
      await server.stop();
      dir[Symbol.dispose]();
    },
  };
}

function follow(command: readonly string[], env: Record<string, string>): Followed {
  const child = Bun.spawn([...command], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err] = [linesOf(child.stdout), linesOf(child.stderr)];
  const ended = (async () => {
    const [printed, said] = await Promise.all([out.all, err.all]);
    return { code: await child.exited, out: printed, err: said };
  })();
  return {
    ...{ lines: out.lines, ended, until: out.until },
    async untilSaid(text) {
      await err.until((lines) => lines.some((line) => line.includes(text)));
    },
    interrupt() {
      child.kill("SIGINT");
      return ended;
    },
    kill: () => child.kill("SIGKILL"),
  };
}

/** As they come; `all`: what came, once it has ended. */
function linesOf(stream: ReadableStream<Uint8Array>) {
  const lines: string[] = [];
  let wake = () => {};
  const all = (async () => {
    let text = "";
    let rest = "";
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      const more = decoder.decode(bytes, { stream: true });
      text += more;
      const parts = (rest + more).split("\n");
      rest = parts.pop()!;
      lines.push(...parts);
      wake();
    }
    return text;
  })();
  const until: Followed["until"] = async (isWanted) => {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (!isWanted(lines)) {
      if (performance.now() > deadlineMs) throw new Error(`waited in vain:\n${lines.join("\n")}`);
      await Promise.race([new Promise<void>((resolve) => (wake = resolve)), Bun.sleep(100)]);
    }
    return lines;
  };
  return { lines, all, until };
}
