/** How this browser shows the console. */
import { effect } from "@preact/signals";
import { keptChoice } from "./kept.ts";

export const theme = keptChoice("theme", ["auto", "light", "dark"]);
export const density = keptChoice("density", ["comfortable", "compact"]);
export const times = keptChoice("times", ["local", "utc"]);
/** Single keys do something everywhere but where one types; whoever dictates may not want that. */
export const singleKeys = keptChoice("keys", ["on", "off"]);

/** Shows what is chosen, now and from now on. */
export function applyPreferences(root: { readonly dataset: Record<string, string | undefined> }): void {
  effect(() => {
    root.dataset["theme"] = theme.value.value;
    root.dataset["density"] = density.value.value;
  });
}
