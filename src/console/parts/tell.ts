/** What is told in passing: what was done goes by itself, what failed stays until it is put away. */
import { signal } from "@preact/signals";
import { errorText, isCancelled } from "../errors.ts";

export interface Toast {
  readonly text: string;
  readonly isError: boolean;
  /** How often the same was told. */
  readonly times: number;
  /** Of an error: what was tried. */
  readonly tried?: string;
  /** Something to do about it, such as "Undo". */
  readonly action?: ToastAction;
}

export interface ToastAction {
  readonly label: string;
  run(): void;
}

const SHOWN_MAX = 4;
const SHOWN_MS = 6_000;

export const toasts = signal<readonly Toast[]>([]);
/** Those that had no room. */
export const unseen = signal(0);

export function tell(text: string, action?: ToastAction): void {
  add({ text, isError: false, times: 1, ...(action && { action }) });
}

/** `tried`: what was, as in "Pump 1 was not saved"; of what was cancelled nothing is told. */
export function tellError(error: unknown, tried?: string): void {
  if (isCancelled(error)) return;
  const text = errorText(error);
  if (tried === undefined) add({ text, isError: true, times: 1 });
  else add({ text: `${tried}: ${text}`, isError: true, times: 1, tried });
}

/** What failed is tried again: what was told of it, under the same words, is past. */
export function putAwayErrors(tried: string): void {
  for (const toast of toasts.peek()) if (toast.tried === tried) putAway(toast);
}

function add(toast: Toast): void {
  const same = toasts.value.find(({ text, isError }) => text === toast.text && isError === toast.isError);
  const added = { ...toast, times: (same?.times ?? 0) + 1 };
  const others = toasts.value.filter((each) => each !== same);
  unseen.value += Math.max(0, others.length + 1 - SHOWN_MAX);
  toasts.value = [...others, added].slice(-SHOWN_MAX);
  if (!added.isError) setTimeout(() => putAway(added), SHOWN_MS);
}

export function putAway(toast: Toast): void {
  toasts.value = toasts.value.filter((each) => each !== toast);
  if (toasts.value.length === 0) unseen.value = 0;
}
