/** How far an escalation has come from its start: loop, step, and when there is more to do. Never changed: a change makes another. */
import type { EscalationPolicy, EscalationStep } from "./escalation-config.ts";

export interface Run {
  /** Of the policy that it goes through. */
  readonly policy: string;
  /** Of the gravest alert that it has had. */
  readonly rank: number;
  /** Loop and next step, both counted from 0. */
  readonly loop: number;
  readonly step: number;
  /** When the loop began, or would have, where steps were taken before their time. */
  readonly loopFromMs: number;
  /** When something was last done. */
  readonly lastAtMs: number;
  /** Who was told by the last step of this loop. */
  readonly told: readonly string[];
  readonly isExhausted: boolean;
}

export type Next =
  | { readonly kind: "step"; readonly atMs: number; readonly step: EscalationStep }
  /** The next loop begins. */
  | { readonly kind: "loop"; readonly atMs: number }
  | { readonly kind: "exhausted"; readonly atMs: number }
  | { readonly kind: "reminder"; readonly atMs: number };

export function startRun(policy: string, rank: number, nowMs: number): Run {
  return { policy, rank, loop: 0, step: 0, loopFromMs: nowMs, lastAtMs: nowMs, told: [], isExhausted: false };
}

/** There is always more to come. */
export function nextOf({ loop, step, loopFromMs, lastAtMs, isExhausted }: Run, policy: EscalationPolicy): Next {
  if (isExhausted) return { kind: "reminder", atMs: lastAtMs + policy.repeatIntervalMs };
  // A policy may have become shorter since.
  if (step < policy.steps.length) {
    return { kind: "step", atMs: loopFromMs + policy.steps[step].afterMs, step: policy.steps[step] };
  }
  return { kind: loop < policy.repeat ? "loop" : "exhausted", atMs: lastAtMs + policy.repeatAfterMs };
}

export function afterStep(run: Run, told: readonly string[], nowMs: number): Run {
  return { ...run, step: run.step + 1, told, lastAtMs: nowMs };
}

export function afterLoop(run: Run, nowMs: number): Run {
  return { ...run, loop: run.loop + 1, step: 0, loopFromMs: nowMs, lastAtMs: nowMs, told: [] };
}

export function afterExhausted(run: Run, nowMs: number): Run {
  return { ...run, isExhausted: true, lastAtMs: nowMs };
}

export function afterReminder(run: Run, nowMs: number): Run {
  return { ...run, lastAtMs: nowMs };
}

/**
 * A receiver cannot be told: the next step is due at once, and those behind it are as much earlier. Only where the last
 * step told that receiver, or none has told anybody yet. Behind the last step there is none to go to: the next loop comes
 * in its time, so that a network that is down for a minute does not use up all of them.
 */
export function hurried(run: Run, policy: EscalationPolicy, receiver: string, nowMs: number): Run {
  const next = nextOf(run, policy);
  const isConcerned = run.told.length === 0 || run.told.includes(receiver);
  if (next.kind !== "step" || !isConcerned || next.atMs <= nowMs) return run;
  return { ...run, loopFromMs: run.loopFromMs - (next.atMs - nowMs) };
}

export function shifted(run: Run, byMs: number): Run {
  return { ...run, loopFromMs: run.loopFromMs + byMs, lastAtMs: run.lastAtMs + byMs };
}
