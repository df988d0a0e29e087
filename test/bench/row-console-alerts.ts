/** Whether the list of alerts can be used while very many come. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { removeDir, tempDir } from "./cleanup.ts";
import { missingBrowser, WatchedPage } from "./console-probe.ts";
import { say, type BenchRow, type Finding } from "./finding.ts";
import { startWatchpost } from "./server-process.ts";

const [ALERTS, BATCHES, WITHIN_MS] = [20_000, 40, 10_000];
const KEY_EVERY_MS = 100;
const FIRED_WITHIN_MS = 60_000;

export const consoleAlertsRow: BenchRow = {
  name: "console-alerts",
  about: `${ALERTS / 1_000},000 alerts within ${WITHIN_MS / 1_000} s in Chromium: how long keys wait meanwhile, the longest task`,
  async run() {
    if (missingBrowser !== undefined) {
      say(`skipped: ${missingBrowser}`);
      return [];
    }
    const data = tempDir("console");
    const server = await startWatchpost({ data });
    const transport = createConnectTransport({ baseUrl: `http://${server.http}`, useBinaryFormat: true });
    const [alerts, ingestion] = [createClient(Alerts, transport), createClient(DataIngestion, transport)];
    const condition = { threshold: { above: 1 } };
    await alerts.putRule({ rule: { name: "flood", metric: "bench.level", severity: "high", condition } });
    await using page = await WatchedPage.open(`http://${server.http}/alerts`);
    await page.shows("live");
    await page.clear();
    const key = { key: "ArrowDown", code: "ArrowDown", windowsVirtualKeyCode: 40 };
    // Told by hand: Page.press would wait for what else is asked of the page.
    const press = (type: string) => page.tell("Input.dispatchKeyEvent", { type, ...key });
    let isOver = false;
    const pressing = (async () => {
      for (; !isOver; await Bun.sleep(KEY_EVERY_MS)) {
        await press("keyDown");
        await press("keyUp");
      }
    })();
    const size = ALERTS / BATCHES;
    const startMs = performance.now();
    for (let batch = 0; batch < BATCHES; batch++) {
      const points = Array.from({ length: size }, (_, i) => ({
        ...{ metricName: "bench.level", value: 2, timestamp: timestampOfMs(Date.now()) },
        tags: { device: `device-${batch * size + i}` },
      }));
      await ingestion.uploadBatch({ source: "bench", points });
      await Bun.sleep(Math.max(0, ((batch + 1) * WITHIN_MS) / BATCHES - (performance.now() - startMs)));
    }
    const sentMs = performance.now() - startMs;
    const count = () => page.ask<number>("Number(/^\\(([\\d,]+)/.exec(document.title)?.[1].replaceAll(',', '') ?? 0)");
    while ((await count()) < ALERTS && performance.now() - startMs < FIRED_WITHIN_MS) await Bun.sleep(100);
    const shown = await count();
    const shownMs = performance.now() - startMs;
    isOver = true;
    await pressing;
    const { longestTaskMs, keyDelaysMs, keyPaintsMs } = await page.probe();
    await server.stop();
    removeDir(data);
    say(
      `sent within ${(sentMs / 1_000).toFixed(1)} s; ${shown} shown after ${(shownMs / 1_000).toFixed(1)} s; ${keyDelaysMs.length} keys`,
    );
    if (shown < ALERTS) throw new Error(`the page counts ${shown} alerts; wanted ${ALERTS}`);
    const findings: Finding[] = [
      {
        what: "keys, longest wait to be heard",
        unit: "ms",
        runs: [Math.max(0, ...keyDelaysMs)],
        bar: { sign: "≤", value: 200 },
      },
      { what: "keys, longest until painted", unit: "ms", runs: [Math.max(0, ...keyPaintsMs)] },
      { what: "longest task", unit: "ms", runs: [longestTaskMs] },
      { what: "all counted after the last was sent", unit: "ms", runs: [shownMs - sentMs] },
    ];
    return findings;
  },
};
