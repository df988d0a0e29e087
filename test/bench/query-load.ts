/**
 * The process that asks: QueryRange as JSON over HTTP, one after the other. `bun query-load.ts CONFIG_JSON`; says
 * {"ready":true}, and {"queries":…} every `progressMs` until it is killed.
 */
import { METRIC_NAMES } from "./workload.ts";

export interface QueryLoadConfig {
  readonly http: string;
  /** Pause between two queries. */
  readonly everyMs: number;
  readonly progressMs: number;
}

export interface QueryProgress {
  readonly queries: { readonly ms: readonly number[]; readonly failed: number; readonly lastError: string };
}

const config = JSON.parse(process.argv[2]) as QueryLoadConfig;
let ms: number[] = [];
let failed = 0;
let lastError = "";

/** One series' last minute raw; a metric's 100 series in steps; turn by turn. */
function request(turn: number): object {
  const to = Date.now();
  const device = `dev-${String(turn % 100).padStart(6, "0")}`;
  const metric = METRIC_NAMES[turn % METRIC_NAMES.length];
  const range = (spanMs: number) => ({ from: new Date(to - spanMs).toISOString(), to: new Date(to).toISOString() });
  if (turn % 2 === 0) return { metric, filters: { device }, ...range(60_000) };
  return { metric, ...range(600_000), stepMs: "10000", function: "RANGE_FUNCTION_AVG" };
}

console.log(JSON.stringify({ ready: true }));
const lines = console[Symbol.asyncIterator]();
if ((await lines.next()).done) process.exit(1);
void lines.next().then(() => process.exit(0));

setInterval(() => {
  const progress: QueryProgress = { queries: { ms, failed, lastError } };
  console.log(JSON.stringify(progress));
  ms = [];
  failed = 0;
}, config.progressMs);

for (let turn = 0; ; turn++) {
  const startMs = performance.now();
  try {
    const response = await fetch(`http://${config.http}/analytics.Dashboard/QueryRange`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request(turn)),
    });
    const text = await response.text();
    if (response.ok) ms.push(performance.now() - startMs);
    else {
      failed++;
      lastError = text.slice(0, 300);
    }
  } catch (error) {
    failed++;
    lastError = String(error);
  }
  await Bun.sleep(config.everyMs);
}
