import { signal } from "@preact/signals";

/** The wall clock, each second. */
export const nowMs = signal(Date.now());
setInterval(() => (nowMs.value = Date.now()), 1_000);
