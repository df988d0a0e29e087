/** Keys of the whole page: "/" goes to what is searched with, "g" and a letter to a part of the console. */
import { go } from "./route.ts";

const PARTS: Readonly<Record<string, string>> = { o: "/", e: "/explore", d: "/devices", a: "/alerts", s: "/sessions" };
const SECOND_WITHIN_MS = 1_000;

export function listenForKeys(): void {
  let firstMs = -Infinity;
  addEventListener("keydown", (event) => {
    const { key, target, ctrlKey, metaKey, altKey, timeStamp } = event;
    if (ctrlKey || metaKey || altKey || (target as Element).closest("input, select, textarea")) return;
    if (key === "/") {
      event.preventDefault();
      document.querySelector<HTMLElement>("[data-hotkey='/']")?.focus();
    } else if (key === "g") firstMs = timeStamp;
    else if (timeStamp - firstMs < SECOND_WITHIN_MS && PARTS[key] !== undefined) {
      firstMs = -Infinity;
      go(PARTS[key]);
    }
  });
}
