/** Colours as a canvas wants them: it knows no variables. */
import type { Severity } from "./plot-model.ts";

export interface Palette {
  readonly series: readonly string[];
  readonly severities: Readonly<Record<Severity, string>>;
  readonly ink: string;
  readonly dim: string;
  readonly line: string;
  readonly accent: string;
  readonly surface: string;
}

const SERIES_COLOURS = 8;
/** Once the colours are used up the strokes differ. */
const DASHES: readonly (readonly number[])[] = [[], [8, 3], [2, 3], [10, 3, 2, 3]];
let known: Palette | undefined;
const listeners = new Set<() => void>();
const forget = () => {
  known = undefined;
  for (const listener of listeners) listener();
};
if (typeof matchMedia === "function") {
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"])
    matchMedia(query).addEventListener("change", forget);
  new MutationObserver(forget).observe(document.documentElement, { attributes: true });
}

export function palette(): Palette {
  return (known ??= readPalette());
}

/** Returns what ends it. */
export function onPaletteChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** For style sheets. */
export function seriesColour(index: number): string {
  return `var(--series-${index % SERIES_COLOURS})`;
}

export function seriesDash(index: number): readonly number[] {
  return DASHES[Math.floor(index / SERIES_COLOURS) % DASHES.length];
}

function readPalette(): Palette {
  const probe = document.body.appendChild(document.createElement("span"));
  // What the system forces holds for text and its ground; lines of many series would all be of one colour.
  const read = (name: string, property: "color" | "backgroundColor" = "color", isForced = false) => {
    probe.style.setProperty("forced-color-adjust", isForced ? "auto" : "none");
    probe.style[property] = `var(--${name})`;
    return getComputedStyle(probe)[property];
  };
  const found: Palette = {
    series: Array.from({ length: SERIES_COLOURS }, (_, i) => read(`series-${i}`)),
    severities: {
      ...{ good: read("good"), low: read("low"), medium: read("medium") },
      ...{ high: read("high"), critical: read("critical") },
    },
    ...{ ink: read("ink", "color", true), dim: read("dim", "color", true), line: read("line") },
    ...{ accent: read("accent"), surface: read("surface", "backgroundColor", true) },
  };
  probe.remove();
  return found;
}
