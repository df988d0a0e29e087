/** How long until a fresh server answers, and what it takes when nothing happens. */
import { removeDir, tempDir } from "./cleanup.ts";
import { say, type BenchOptions, type BenchRow, type Finding } from "./finding.ts";
import { rssBytes } from "./measure.ts";
import { freePort, spawnWatchpost, stopChild } from "./server-process.ts";

const STARTS = 10;
const IDLE_RUNS = 3;
const ANSWER_MS_MAX = 20_000;

export const startRow: BenchRow = {
  name: "start",
  about: "from the start of the process to the first 200 of /readyz on an empty directory; memory while idle",
  async run(options) {
    const startMs: number[] = [];
    const idleMb: number[] = [];
    for (let i = 0; i < STARTS; i++) {
      const { ms, mb } = await startOnce(i < IDLE_RUNS ? idleMs(options) : 0);
      startMs.push(ms);
      if (mb !== undefined) idleMb.push(mb);
    }
    say(
      `starts: ${startMs.map((ms) => ms.toFixed(0)).join(" ")} ms; idle: ${idleMb.map((mb) => mb.toFixed(0)).join(" ")} MB`,
    );
    const findings: Finding[] = [
      { what: "start to first answer", unit: "ms", runs: startMs, bar: { sign: "≤", value: 300 } },
      { what: "idle RSS", unit: "MB", runs: idleMb, bar: { sign: "≤", value: 90 } },
    ];
    return findings;
  },
};

function idleMs({ quick }: BenchOptions): number {
  return quick ? 3_000 : 15_000;
}

async function startOnce(idleForMs: number): Promise<{ ms: number; mb: number | undefined }> {
  const data = tempDir("start");
  const http = `127.0.0.1:${freePort()}`;
  const startMs = performance.now();
  const child = spawnWatchpost({ data, http });
  // Read, or a full pipe would stop it.
  const log = new Response(child.stderr).text();
  while (
    !(await fetch(`http://${http}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error(`watchpost ended before it answered:\n${await log}`);
    if (performance.now() - startMs > ANSWER_MS_MAX) throw new Error(`no answer within ${ANSWER_MS_MAX} ms`);
    await Bun.sleep(1);
  }
  const ms = performance.now() - startMs;
  let mb: number | undefined;
  if (idleForMs > 0) {
    await Bun.sleep(idleForMs);
    mb = rssBytes(child.pid) / 1e6;
  }
  await stopChild("watchpost", child);
  removeDir(data);
  return { ms, mb };
}
