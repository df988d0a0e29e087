/** Runs the commands and programs of a page, one after the other in one shell, against a server of their own. */
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, BRIEF, BUSY, startServerProcess, tempDir } from "../support/server-process.ts";
import { PYTHON } from "../interop/python-client.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { fencedBlocks, ROOT, type FencedBlock } from "./fenced-blocks.ts";

/** Ends what hangs; nothing that works takes a tenth of it. */
const PAGE_MS_MAX = 50_000;

export interface PageSetup {
  /** Shell: what a reader of the page has done before. */
  readonly before?: string;
  /** What a reader puts in the place of an example: ids, times, sizes. Shell in double quotes. */
  readonly instead?: Readonly<Record<string, string>>;
  /** Programs that must be there. */
  readonly needs?: readonly string[];
  /** How the block with the settings of the page's server begins; they are of brokers, and one of mosquitto is there. */
  readonly broker?: string;
}

/** They go on until somebody ends them: here once they have said something. */
const ENDLESS = /^\s*(watchpost (watch|serve)\b|watchpost .*--watch\b|curl -N\b)/;

const PRELUDE = `set -eu -o pipefail
run_go() { cat > page.go; go run page.go; }
# Until it has said something, or has ended.
endless() {
  { set +x; } 2>/dev/null
  "$@" >said 2>&1 </dev/null & local pid=$! code=0
  while kill -0 $pid 2>/dev/null && ! [ -s said ]; do sleep 0.1; done
  kill -TERM $pid 2>/dev/null || true
  wait $pid || code=$?
  cat said
  if grep -q '^error' said; then return 1; fi
  set -x
  case $code in 0|130|143) ;; *) return $code ;; esac
}
`;

const [[BRIEFLY, NO]] = Object.entries(BRIEF);
const PROGRAM = `#!/bin/sh
case $1 in ${BUSY.join("|")}) ;; *) export ${BRIEFLY}=${NO} ;; esac
exec "${BINARY}" "$@"
`;

/** Throws with all that was printed where a command fails. */
export async function runPage(
  blocks: readonly FencedBlock[],
  { before = "", instead = {}, broker: begins }: PageSetup,
): Promise<void> {
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing; run: bun run build`);
  using dir = tempDir("page");
  const bin = join(dir.path, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "watchpost"), PROGRAM, { mode: 0o755 });
  symlinkSync(join(ROOT, "proto"), join(dir.path, "proto"));
  // Where notifications go.
  using sink = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("ok") });
  const rules = join(dir.path, "of-the-server.yaml");
  writeFileSync(rules, `receivers: [{ name: ops, webhook: { url: "${sink.url}" } }]\nroute: { receiver: ops }\n`);
  // However full the disk of this machine is, `status` has nothing to say of it.
  const env = { WATCHPOST_ALERTS_RULES_FILE: rules, WATCHPOST_RETENTION_FREE_FLOOR: "none" };
  await using broker = begins === undefined ? undefined : await Mosquitto.start({ settings: brokerSettings });
  const args: string[] = [];
  if (broker !== undefined) {
    const { text } = fencedBlocks().find(({ page, text }) => page === blocks[0].page && text.startsWith(begins!))!;
    const config = join(dir.path, "watchpost.toml");
    writeFileSync(config, text.replace("mqtt://127.0.0.1:1883", broker.url));
    args.push("--config", config);
  }
  const server = await startServerProcess({ data: join(dir.path, "data"), program: [BINARY], env, args });
  try {
    const places: Record<string, string> = {
      mosquitto_pub: `mosquitto_pub -p ${broker?.port}`,
      "127.0.0.1:8080": server.http,
      "127.0.0.1:50051": server.grpc,
      "other:50051": server.grpc,
      "/var/lib/watchpost": "./var-lib-watchpost",
      "/etc/watchpost": "./etc-watchpost",
      ...instead,
    };
    const commands = blocks.map((block) => commandsOf(block, places));
    const script = [PRELUDE, withPlaces(before, places), "set -x", ...commands].join("\n");
    writeFileSync(join(dir.path, "page.sh"), script);
    writeFileSync(join(dir.path, ".curlrc"), "silent\nshow-error\nfail-with-body\n");
    const child = Bun.spawn(["bash", join(dir.path, "page.sh")], {
      cwd: dir.path,
      env: {
        PATH: `${bin}:${process.env["PATH"]}`,
        HOME: dir.path,
        USER: "ann",
        NO_COLOR: "1",
        WATCHPOST_SERVER: server.grpc,
        WATCHPOST_GRPC: "127.0.0.1:0",
        WATCHPOST_HTTP: "127.0.0.1:0",
        NODE_PATH: join(ROOT, "node_modules"),
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      detached: true,
    });
    // With all that it has begun.
    const timer = setTimeout(() => process.kill(-child.pid, "SIGKILL"), PAGE_MS_MAX);
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    const code = await child.exited;
    clearTimeout(timer);
    if (code !== 0) throw new Error(`a command of ${blocks[0].page} ended with code ${code}:\n${err}\n${out}`);
  } finally {
    await server.stop();
  }
}

/** What docs/mqtt.md wants of a broker. */
function brokerSettings(): string[] {
  const wanted = fencedBlocks().filter(({ language }) => language === "conf");
  return ["allow_anonymous true", ...wanted.flatMap(({ text }) => text.trim().split("\n"))];
}

/** Of which language a page's blocks are run, and by what. */
export const PROGRAMS: Readonly<Record<string, string>> = { sh: "", python: `${PYTHON} -`, js: "node -", go: "run_go" };

function commandsOf({ language, text }: FencedBlock, places: Readonly<Record<string, string>>): string {
  const placed = withPlaces(text, places);
  return language === "sh" ? placed : `${PROGRAMS[language]} <<'PROGRAM'\n${placed}PROGRAM`;
}

function withPlaces(text: string, places: Readonly<Record<string, string>>): string {
  let out = text.replaceAll("\\\n", " ");
  for (const [shown, meant] of Object.entries(places)) out = out.replaceAll(shown, meant);
  return out
    .split("\n")
    .map((line) => (ENDLESS.test(line) ? `endless ${line.trim()}` : line))
    .join("\n");
}
