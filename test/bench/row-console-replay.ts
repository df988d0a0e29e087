/** How a long session is played again in a browser. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { Collaboration } from "../../src/wire/gen/collaboration_pb.ts";
import { removeDir, tempDir } from "./cleanup.ts";
import { NIGHT_METRICS, NIGHT_MS, sendNight } from "./console-load.ts";
import { missingBrowser, WatchedPage } from "./console-probe.ts";
import { say, type BenchRow, type Finding } from "./finding.ts";
import { startWatchpost } from "./server-process.ts";

const POINTS = 100_000;
const [PLAYED_MS, JUMPS] = [8_000, 60];

export const consoleReplayRow: BenchRow = {
  name: "console-replay",
  about:
    "a session of 8 hours and 100,000 points in Chromium: until it is read, frames and tasks while it plays, jumps",
  async run() {
    if (missingBrowser !== undefined) {
      say(`skipped: ${missingBrowser}`);
      return [];
    }
    const data = tempDir("console-replay");
    const server = await startWatchpost({ data });
    const untilMs = Date.now();
    await sendNight(server.http, POINTS, untilMs);
    const rooms = createClient(Collaboration, createConnectTransport({ baseUrl: `http://${server.http}` }));
    await rooms.createSession({ sessionId: "night", userId: "bench", topic: { metrics: [NIGHT_METRICS] } });
    const findings = await played(`http://${server.http}`, new Date(untilMs - NIGHT_MS).toISOString());
    await server.stop();
    removeDir(data);
    return findings;
  },
};

async function played(base: string, from: string): Promise<Finding[]> {
  await using page = await WatchedPage.open(`${base}/nowhere`);
  await page.shows("live");
  const startMs = performance.now();
  await page.go(`/sessions/night/replay?view=now&speed=1000&from=${from}`);
  await page.until(
    () => page.ask("document.querySelector('.replay')?.innerText.includes('reading') === false"),
    "read it",
  );
  const readMs = performance.now() - startMs;
  await page.clear();
  const frames = await page.ask<number>(`new Promise((resolve) => {
    document.querySelector(".replay-controls button").click();
    const startMs = performance.now();
    let frames = 0;
    const count = () => {
      frames++;
      if (performance.now() - startMs < ${PLAYED_MS}) requestAnimationFrame(count);
      else resolve(frames);
    };
    requestAnimationFrame(count);
  })`);
  const { longestTaskMs } = await page.probe();
  const jumps = await page.ask<number[]>(`(async () => {
    document.querySelector(".replay-controls button").click();
    const slider = document.querySelector(".replay-scrubber");
    const jumps = [];
    for (let i = 0; i < ${JUMPS}; i++) {
      const startMs = performance.now();
      slider.dispatchEvent(new KeyboardEvent("keydown", { key: i % 2 === 0 ? "PageDown" : "PageUp", bubbles: true }));
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      jumps.push(performance.now() - startMs);
    }
    return jumps;
  })()`);
  return [
    { what: "8 h of 100,000 points, asked to read", unit: "ms", runs: [readMs] },
    { what: "played at 1,000×, frames a second", unit: "", runs: [(frames / PLAYED_MS) * 1_000] },
    { what: "played at 1,000×, longest task", unit: "ms", runs: [longestTaskMs], bar: { sign: "≤", value: 100 } },
    { what: "jumps by keys until they are drawn", unit: "ms", runs: jumps },
  ];
}
