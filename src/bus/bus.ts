import type { Frame } from "../model/frame.ts";

/**
 * Carries committed frames to whoever lives on them: dashboards, alerts, devices, edge. Frames arrive in log order,
 * each exactly once, after they are durable and before their senders are acknowledged.
 */
export interface Bus {
  /** `frame` and its columns are valid during the call only: take what you need. Must not block. */
  publish(frame: Frame): void;
  /** Returns what ends the subscription. A subscriber that throws is reported and does not disturb the others. */
  subscribe(subscriber: FrameSubscriber): () => void;
}

export type FrameSubscriber = (frame: Frame) => void;
