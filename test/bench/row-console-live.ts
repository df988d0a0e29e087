/** What charts that move take of the browser. */
import { removeDir, tempDir } from "./cleanup.ts";
import { metricNames, sendLive } from "./console-load.ts";
import { missingBrowser, WatchedPage } from "./console-probe.ts";
import { say, type BenchRow, type Finding } from "./finding.ts";
import { startWatchpost } from "./server-process.ts";

const [SETTLE_MS, MINUTE_MS] = [5_000, 60_000];
const FEW = { charts: 10, series: 10 };
const MANY = { charts: 50, series: 2 };
/** Minutes between which memory may not grow. */
const [HEAP_FROM, HEAP_UNTIL] = [2, 10];

export const consoleLiveRow: BenchRow = {
  name: "console-live",
  about: "charts at 1 s in Chromium: the renderer's share of a processor with 10 × 10 series, the longest task with 50",
  async run({ quick }) {
    return [
      await onCharts(FEW, async (page) => {
        const seconds = quick ? 15 : 60;
        const taken = async () => [await page.metric("TaskDuration"), await page.metric("ProcessTime")];
        const [tasksBefore, processorBefore] = await taken();
        await Bun.sleep(seconds * 1_000);
        const [tasks, processor] = await taken();
        // The first is by the clock, and so of all that runs on the machine; the second is not, and of all threads.
        say(`processor time of the renderer: ${((100 * (processor - processorBefore)) / seconds).toFixed(1)} %`);
        return {
          ...{ what: "10 charts × 10 series, tasks of the renderer", unit: "%" },
          ...{ runs: [(100 * (tasks - tasksBefore)) / seconds], bar: { sign: "≤", value: 10 } as const },
        };
      }),
      await onCharts(MANY, async (page) => {
        await page.clear();
        await page.ask("scrollTo(0, 0)");
        const steps = quick ? 5 : 15;
        // Looked through: what comes into sight is drawn then.
        for (let i = 0; i < steps; i++) {
          await page.ask(`scrollTo(0, document.body.scrollHeight * ${i / steps})`);
          await Bun.sleep(2_000);
        }
        const { longestTaskMs } = await page.probe();
        return {
          ...{ what: "50 charts, longest task", unit: "ms" },
          ...{ runs: [longestTaskMs], bar: { sign: "≤", value: 100 } as const },
        };
      }),
    ].flat();
  },
};

export const consoleHeapRow: BenchRow = {
  name: "console-heap",
  about: `what 10 × 10 series at 1 s leave in the browser's memory between minutes ${HEAP_FROM} and ${HEAP_UNTIL}`,
  onlyByName: true,
  async run() {
    return onCharts(FEW, async (page) => {
      await Bun.sleep(HEAP_FROM * MINUTE_MS - SETTLE_MS);
      const before = await page.heapBytes();
      await Bun.sleep((HEAP_UNTIL - HEAP_FROM) * MINUTE_MS);
      const after = await page.heapBytes();
      say(`heap: ${(before / 1e6).toFixed(2)} MB, then ${(after / 1e6).toFixed(2)} MB`);
      const growth = (after / before - 1) * 100;
      return { what: "heap after GC, growth", unit: "%", runs: [growth], bar: { sign: "≤", value: 5 } };
    });
  },
};

interface Charts {
  readonly charts: number;
  readonly series: number;
}

async function onCharts(
  { charts, series }: Charts,
  measure: (page: WatchedPage) => Promise<Finding>,
): Promise<Finding[]> {
  if (missingBrowser !== undefined) {
    say(`skipped: ${missingBrowser}`);
    return [];
  }
  const data = tempDir("console");
  const server = await startWatchpost({ data });
  const live = await sendLive(server.http, charts, series);
  await using page = await WatchedPage.open(`http://${server.http}/explore?metric=${metricNames(charts)}&range=5m`);
  await page.until(() => page.ask(`document.querySelectorAll("figure").length === ${charts}`), `had ${charts} charts`);
  await page.until(() => page.ask('document.querySelector("figure canvas") !== null'), "drew");
  await Bun.sleep(SETTLE_MS);
  const finding = await measure(page);
  await live[Symbol.asyncDispose]();
  await server.stop();
  removeDir(data);
  return [finding];
}
