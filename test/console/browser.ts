/**
 * Pages of the console in Debian's Chromium: in its headless shell where that is there, which is the same engine without the
 * browser around it, and takes a third of the CPU time.
 */
import { bundleConsole } from "../../src/app/console-content.ts";
import { ConsoleFiles } from "../../src/transport/console-files.ts";

const EXECUTABLE = Bun.which("chromium-headless-shell") ?? Bun.which("chromium");
/** For testNeeding. */
export const CHROMIUM = EXECUTABLE === null && "Debian's chromium-headless-shell";

const ARGUMENTS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
  // The pages of a file are in one process, instead of one a page and a spare one: starting those is a quarter of what pages take.
  ...["--renderer-process-limit=1", "--disable-site-isolation-trials"],
  "--disable-features=SpareRendererForSitePerProcess",
];
const DEADLINE_MS = 60_000;
/** To look is work for the page, too: what takes long is looked at less often. */
const [POLL_MS_MIN, POLL_MS_MAX] = [20, 250];
const NAVIGATED = "Inspected target navigated";
const STEPS = 8;

/** In the window, in pixels. */
export type Place = readonly [x: number, y: number];

/** From one place to another, in steps as a hand makes them. */
export function straight([x, y]: Place, [toX, toY]: Place): Place[] {
  return Array.from({ length: STEPS + 1 }, (_, i) => [x + ((toX - x) * i) / STEPS, y + ((toY - y) * i) / STEPS]);
}

/** A server of one page that is not part of the console, under the console's own rules of what may run in it. */
export function servePage(html: string): Bun.Server<undefined> {
  const files = new ConsoleFiles(() => bundleConsole(html));
  const fetch = async (request: Request) =>
    (await files.file(new URL(request.url).pathname, request)) ?? files.page(request);
  return Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
}

export class Page implements AsyncDisposable {
  readonly #view: Bun.WebView;

  constructor(size = { width: 1280, height: 800 }) {
    const backend = { type: "chrome", path: EXECUTABLE!, argv: ARGUMENTS } as const;
    this.#view = new Bun.WebView({ ...size, backend });
  }

  async open(url: string): Promise<void> {
    await this.#view.navigate(url);
  }

  /** All text that is shown; none while a page is being loaded. */
  text(): Promise<string> {
    return this.ask("document.body?.innerText ?? ''");
  }

  ask<T>(expression: string): Promise<T> {
    return this.#view.evaluate(expression) as Promise<T>;
  }

  /** Waits until the page shows it. */
  async shows(wanted: string | RegExp): Promise<void> {
    const shows = (text: string) => (typeof wanted === "string" ? text.includes(wanted) : wanted.test(text));
    await this.until(async () => shows(await this.text()), `shows ${wanted}`);
  }

  async until(isSo: () => Promise<boolean>, what: string): Promise<void> {
    const since = performance.now();
    const isSoNow = () =>
      isSo().catch((error: Error) => {
        // It was asked, and went to another page, or loaded this one again.
        if (error.message.includes(NAVIGATED)) return false;
        throw error;
      });
    while (!(await isSoNow())) {
      const waitedMs = performance.now() - since;
      if (waitedMs > DEADLINE_MS) throw new Error(`the page never ${what}; it shows: ${await this.text()}`);
      await Bun.sleep(Math.min(Math.max(POLL_MS_MIN, waitedMs / 8), POLL_MS_MAX));
    }
  }

  click(selector: string): Promise<void> {
    return this.#view.click(selector);
  }

  /** Into what is found, in place of what is there. */
  async write(selector: string, text: string): Promise<void> {
    await this.#view.click(selector);
    await this.ask(`document.querySelector(${JSON.stringify(selector)}).select()`);
    await this.#view.type(text);
  }

  /** Of Chrome's debugging protocol: "Emulation.setEmulatedMedia". */
  async tell<T>(method: string, params: object = {}): Promise<T> {
    // Before the first page there is nobody to tell.
    if (this.#view.url === "") await this.#view.navigate("about:blank");
    return this.#view.cdp(method, params as never) as T;
  }

  /** As a phone has it where `isPhone`: its viewport, touch, no room for scroll bars. */
  async resize(size: { width: number; height: number }, isPhone = false): Promise<void> {
    await this.tell("Emulation.setDeviceMetricsOverride", { ...size, deviceScaleFactor: 1, mobile: isPhone });
    await this.tell("Emulation.setTouchEmulationEnabled", { enabled: isPhone });
  }

  /** "forced": the system's own, whatever the page has. */
  colours(scheme: "light" | "dark", whose: "forced" | "own" = "own"): Promise<void> {
    const features = [
      { name: "prefers-color-scheme", value: scheme },
      { name: "forced-colors", value: whose === "forced" ? "active" : "none" },
    ];
    return this.tell("Emulation.setEmulatedMedia", { features });
  }

  /** Fingers come down, each goes over places of its own, as many as the others, and are lifted, by the page's clock at `atMs`. */
  async touch(paths: readonly (readonly Place[])[], { atMs = Date.now(), until = async () => {} } = {}): Promise<void> {
    const send = (type: string, touchPoints: readonly object[]) =>
      this.tell("Input.dispatchTouchEvent", { type, touchPoints, timestamp: atMs / 1_000 });
    for (const i of paths[0].keys()) {
      const points = paths.map((path, id) => ({ id, x: path[i][0], y: path[i][1] }));
      await send(i === 0 ? "touchStart" : "touchMove", points);
    }
    await until();
    await send("touchEnd", []);
  }

  mouse(type: "mousePressed" | "mouseMoved" | "mouseReleased", [x, y]: Place, clickCount = 1): Promise<void> {
    return this.tell("Input.dispatchMouseEvent", { type, x, y, button: "left", buttons: 1, clickCount });
  }

  /** The middle of the first one of it, in the window. */
  middleOf(selector: string): Promise<Place> {
    return this.ask(`(({ left, top, width, height }) => [left + width / 2, top + height / 2])
      (document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect())`);
  }

  /** As a link within the page goes. */
  async go(path: string): Promise<void> {
    await this.ask(
      `history.pushState(null, "", ${JSON.stringify(path)}), dispatchEvent(new PopStateEvent("popstate"))`,
    );
  }

  /** Into what has the focus. */
  type(text: string): Promise<void> {
    return this.#view.type(text);
  }

  /** A PNG of what is seen. */
  async screenshot(): Promise<Uint8Array> {
    return new Uint8Array(await ((await this.#view.screenshot()) as Blob).arrayBuffer());
  }

  press(key: string, ...modifiers: Bun.WebView.Modifier[]): Promise<void> {
    return this.#view.press(key, { modifiers });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#view.close();
  }
}
