/** A page of the console that is watched: when it showed something, its longest task, how long keys wait, when lines were drawn. */
import { CHROMIUM, Page } from "../console/browser.ts";

/** Why the console's rows cannot run here; undefined: they can. */
export const missingBrowser = CHROMIUM === false ? undefined : `${CHROMIUM} is missing`;

export interface Probe {
  readonly longestTaskMs: number;
  /** From when a key was pressed until the page heard it. */
  readonly keyDelaysMs: readonly number[];
  /** From when a key was pressed until what it changed was painted; of those that took 16 ms or longer. */
  readonly keyPaintsMs: readonly number[];
  /** Of messages of more than a few bytes. */
  readonly heardMs: readonly number[];
  /** The ends of the frames in which lines were drawn. */
  readonly drawnMs: readonly number[];
  /** When what was waited for was painted first, since the navigation began; missing: not yet. */
  readonly shownMs?: number;
}

const MESSAGE_BYTES_MIN = 200;
const KEPT_MAX = 5_000;
/** Of a line of a series. */
const CORNERS_MIN = 50;

/** In the page before its own scripts. `wanted`: text of the view whose appearance is waited for. */
function watch(wanted: string, bytesMin: number, keptMax: number, cornersMin: number | undefined): void {
  const probe = {
    ...{ longestTaskMs: 0, keyDelaysMs: [] as number[], keyPaintsMs: [] as number[] },
    ...{ heardMs: [] as number[], drawnMs: [] as number[], shownMs: undefined as number | undefined },
  };
  const page = globalThis as unknown as {
    [name: string]: any;
    addEventListener(kind: string, hear: (event: any) => void, capture: boolean): void;
    requestAnimationFrame(run: () => void): void;
  };
  page["probe"] = probe;
  const keep = (list: number[], ms: number) => list.length < keptMax && list.push(ms);
  new page["PerformanceObserver"]((list: any) => {
    for (const { duration } of list.getEntries()) probe.longestTaskMs = Math.max(probe.longestTaskMs, duration);
  }).observe({ type: "longtask" });
  new page["PerformanceObserver"]((list: any) => {
    for (const { name, duration } of list.getEntries()) if (name === "keydown") keep(probe.keyPaintsMs, duration);
  }).observe({ type: "event", durationThreshold: 16 });
  page.addEventListener("keydown", ({ timeStamp }) => keep(probe.keyDelaysMs, performance.now() - timeStamp), true);
  const Socket = page["WebSocket"];
  page["WebSocket"] = class extends Socket {
    constructor(url: string) {
      super(url);
      (this as any).addEventListener("message", ({ data }: any) => {
        if (data.byteLength >= bytesMin) keep(probe.heardMs, performance.now());
      });
    }
  };
  if (cornersMin !== undefined) watchLines(cornersMin);
  const look = () => {
    const isThere = page["document"].querySelector("main")?.textContent.includes(wanted);
    if (isThere) page.requestAnimationFrame(() => (probe.shownMs = performance.now()));
    else page.requestAnimationFrame(look);
  };
  if (wanted !== "") page.requestAnimationFrame(look);
  // Each corner costs something, so only where it is asked for.
  function watchLines(min: number): void {
    const context = page["CanvasRenderingContext2D"].prototype;
    const { beginPath, lineTo, stroke } = context;
    let [corners, isDrawing] = [0, false];
    context.beginPath = function () {
      corners = 0;
      return beginPath.call(this);
    };
    context.lineTo = function (x: number, y: number) {
      corners++;
      return lineTo.call(this, x, y);
    };
    context.stroke = function (...given: unknown[]) {
      // Axes and marks have few.
      if (corners >= min && !isDrawing) {
        isDrawing = true;
        page.requestAnimationFrame(() => {
          isDrawing = false;
          keep(probe.drawnMs, performance.now());
        });
      }
      return stroke.apply(this, given);
    };
  }
}

export class WatchedPage extends Page {
  /** `wanted`: see Probe.shownMs. `isDrawn`: whether lines that are drawn are of interest. */
  static async open(url: string, { wanted = "", isDrawn = false } = {}): Promise<WatchedPage> {
    const page = new WatchedPage({ width: 1920, height: 1080 });
    await page.tell("Performance.enable");
    const source = `(${watch})(${JSON.stringify(wanted)}, ${MESSAGE_BYTES_MIN}, ${KEPT_MAX}, ${isDrawn ? CORNERS_MIN : undefined})`;
    await page.tell("Page.addScriptToEvaluateOnNewDocument", { source });
    await page.tell("Network.enable");
    await page.tell("Network.setCacheDisabled", { cacheDisabled: true });
    await page.open(url);
    return page;
  }

  probe(): Promise<Probe> {
    return this.ask("probe");
  }

  /** What came before is forgotten. */
  async clear(): Promise<void> {
    await this.ask(
      "Object.assign(probe, { longestTaskMs: 0, keyDelaysMs: [], keyPaintsMs: [], heardMs: [], drawnMs: [] })",
    );
  }

  /** Of the renderer since it began, such as "TaskDuration" (seconds) and "JSHeapUsedSize" (bytes). */
  async metric(name: string): Promise<number> {
    const { metrics } = await this.tell<{ metrics: { name: string; value: number }[] }>("Performance.getMetrics");
    return metrics.find((each) => each.name === name)!.value;
  }

  async heapBytes(): Promise<number> {
    await this.tell("HeapProfiler.collectGarbage");
    return this.metric("JSHeapUsedSize");
  }
}
