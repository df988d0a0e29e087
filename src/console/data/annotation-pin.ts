/** What an annotation that is made on a chart is pinned to. Pure. */
import { isGlob } from "../../model/glob.ts";

/** What a chart shows, as far as annotations go by it. */
export interface AnnotatedChart {
  readonly metric: string;
  /** "source", "device" or any tag. */
  readonly filters: Readonly<Record<string, string>>;
}

export interface ChartPin {
  readonly metric: string;
  readonly device: string;
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** As much of it as names one thing: a chart of many devices says nothing of one of them. */
export function pinOnChart({ metric, filters }: AnnotatedChart): ChartPin {
  const exact = Object.entries(filters).filter(([, value]) => value !== "" && !isGlob(value));
  const { device = "", source = "", ...tags } = Object.fromEntries(exact);
  return { metric: isGlob(metric) ? "" : metric, device, source, tags };
}

export function isPinned({ metric, device, source, tags }: ChartPin): boolean {
  return metric !== "" || device !== "" || source !== "" || Object.keys(tags).length > 0;
}

/** Commas between them, each once. */
export function wordsIn(text: string): string[] {
  const words = text.split(",").map((word) => word.trim());
  return [...new Set(words.filter((word) => word !== ""))];
}
