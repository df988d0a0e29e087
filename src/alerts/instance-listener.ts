/** What is heard of instances. */
import type { Instance } from "./instance.ts";
import type { LateEpisode } from "./late-lane.ts";
import type { LifecycleChange } from "./lifecycle.ts";
import type { Probe } from "./probe.ts";

export type ClearedReason = "resolved" | "no_data";
/** `stale`: the series has fallen silent; `heard`: it is back. */
export type Change = LifecycleChange | "stale" | "heard";

/** Hears what happens, in order; `instance` stands as it does after it. */
export interface InstanceListener {
  onChange(instance: Instance, change: Change, reason: ClearedReason): void;
  onLate(instance: Instance, probe: Probe, episode: LateEpisode): void;
  /** None of its series is left. */
  onGone(instance: Instance): void;
}
