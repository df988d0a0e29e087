/** How soon the console is there, and a week of data in it. */
import { join } from "node:path";
import { bundleConsole } from "../../src/app/console-content.ts";
import { loadSizes } from "../console/load-size.ts";
import { removeDir, tempDir } from "./cleanup.ts";
import { sendLive, sendWeek, WEEK_METRIC } from "./console-load.ts";
import { missingBrowser, WatchedPage } from "./console-probe.ts";
import { say, type BenchOptions, type BenchRow, type Finding } from "./finding.ts";
import { startWatchpost } from "./server-process.ts";

const DEVICES = 200;
const OPENED = 5;
const WEEK_SERIES = 20;

export const consoleRow: BenchRow = {
  name: "console",
  about: "the console in Chromium: its size, until the overview shows data, until a week of 20 series is drawn",
  async run(options) {
    const findings: Finding[] = await size();
    if (missingBrowser !== undefined) {
      say(`the rest is skipped: ${missingBrowser}`);
      return findings;
    }
    const data = tempDir("console");
    const server = await startWatchpost({ data });
    const live = await sendLive(server.http, 1, DEVICES);
    findings.push(await firstData(server.http), ...(await week(server.http, options)));
    await live[Symbol.asyncDispose]();
    await server.stop();
    removeDir(data);
    return findings;
  },
};

async function size(): Promise<Finding[]> {
  const { firstMax, all } = loadSizes(await bundleConsole(join(import.meta.dir, "../../src/console/index.html")));
  return [
    { what: "loaded for its largest view, gzip", unit: "KiB", runs: [firstMax / 1024], bar: { sign: "≤", value: 150 } },
    { what: "all of its files, gzip", unit: "KiB", runs: [all / 1024] },
  ];
}

/** Nothing cached, the browser warm: as of somebody who opens it the first time. */
async function firstData(http: string): Promise<Finding> {
  const runs: number[] = [];
  await using page = await WatchedPage.open(`http://${http}/`, { wanted: `${DEVICES} devices` });
  for (let i = 0; i < OPENED; i++) {
    await page.open(`http://${http}/`);
    await page.until(async () => (await page.probe()).shownMs !== undefined, "showed data");
    runs.push((await page.probe()).shownMs!);
  }
  say(`overview with data after ${runs.map((ms) => ms.toFixed(0)).join(" ")} ms`);
  return { what: "first paint with data", unit: "ms", runs, bar: { sign: "≤", value: 500 } };
}

async function week(http: string, { quick }: BenchOptions): Promise<Finding[]> {
  await sendWeek(http, WEEK_SERIES);
  const [drawn, whole]: number[][] = [[], []];
  await using page = await WatchedPage.open(`http://${http}/nowhere`, { isDrawn: true });
  await page.shows("live");
  for (let i = 0; i < (quick ? 2 : OPENED); i++) {
    await page.go("/nowhere");
    await page.clear();
    const startMs = await page.ask<number>("performance.now()");
    await page.go(`/explore?metric=${WEEK_METRIC}&range=7d`);
    await page.until(async () => (await page.probe()).drawnMs.length > 0, "drew a week");
    const { heardMs, drawnMs } = await page.probe();
    drawn.push(drawnMs[0] - heardMs.findLast((ms) => ms < drawnMs[0])!);
    whole.push(drawnMs[0] - startMs);
  }
  return [
    { what: "a week of 20 series, answer to drawn", unit: "ms", runs: drawn, bar: { sign: "≤", value: 300 } },
    { what: "a week of 20 series, asked to drawn", unit: "ms", runs: whole },
  ];
}
