/** Whether what the page shows is still true: all that is broken is known here, for how long and why. */
import { computed, signal } from "@preact/signals";
import { link } from "./api.ts";
import { isOfOtherVersion } from "./other-version.ts";

/** Of a stream. */
export interface Break {
  readonly sinceMs: number;
  readonly reason: string;
  /** What does not come, such as "alerts"; "": it has no name. */
  readonly what: string;
}

const breaks = signal<ReadonlyMap<object, Break>>(new Map());

export const brokenStreams = computed<readonly Break[]>(() => {
  return [...breaks.value.values()].sort((a, b) => a.sinceMs - b.sinceMs);
});

/** What is broken for longest; undefined: all runs. */
export const broken = computed<{ readonly sinceMs: number; readonly reason: string } | undefined>(() => {
  const state = link.state.value;
  return "sinceMs" in state ? state : brokenStreams.value[0];
});

/** Such as "0.2.0 (1f2e3d4c5b6a)"; undefined until it was connected. */
export const serverVersion = computed(() => {
  const hello = link.hello.value;
  return hello && `${hello.version} (${hello.commit})`;
});

/** Whether the server has another console than this page is. */
export const isOutdated = computed(() => {
  const own = document.querySelector<HTMLScriptElement>("script[type=module]")?.src;
  return isOfOtherVersion(own, link.hello.value?.scripts);
});

export function streamBroke(stream: object, reason: string, what = ""): void {
  const sinceMs = breaks.peek().get(stream)?.sinceMs ?? Date.now();
  breaks.value = new Map(breaks.peek()).set(stream, { sinceMs, reason, what });
}

export function streamRuns(stream: object): void {
  if (!breaks.peek().has(stream)) return;
  const others = new Map(breaks.peek());
  others.delete(stream);
  breaks.value = others;
}

/** Looks at once whether the connection holds when the computer wakes up, is looked at, or the network comes and goes. */
export function listenForWaking(): void {
  const check = () => link.check();
  addEventListener("offline", check);
  addEventListener("online", check);
  addEventListener("pageshow", check);
  addEventListener("pagehide", () => link.rest());
  document.addEventListener("resume", check);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && check());
}
