/** What is said to whom, and how often: the tree of routes, the receivers they name, and which alerts inhibit others. */
import type { LabelMatcher } from "./label-matcher.ts";

/** With everything it inherits from the route above. */
export interface RouteConfig {
  /** Of {@link NotifyConfig.receivers}. */
  readonly receiver: string;
  /** Alerts with the same values of these labels are one group; "all": of all labels, so that each is its own. */
  readonly groupBy: readonly string[] | "all";
  /** How long the first alert of a group waits for others. */
  readonly groupWaitMs: number;
  /** From one notification of a group to the next that has something new. Above 0. */
  readonly groupIntervalMs: number;
  /** After that long the same is said again. */
  readonly repeatIntervalMs: number;
  /** All have to be met; the root has none. */
  readonly matchers: readonly LabelMatcher[];
  /** An alert that matches goes on to the routes behind this one. */
  readonly goesOn: boolean;
  readonly routes: readonly RouteConfig[];
}

/** One way out of a receiver. Each has its own groups, so that one that fails delays no other. */
export interface ChannelConfig {
  /** Unique within the receiver, such as "webhook-2"; "" where it has only one. */
  readonly name: string;
  readonly sendsResolved: boolean;
}

export interface ReceiverConfig {
  readonly name: string;
  /** None: what is routed to it is dropped. */
  readonly channels: readonly ChannelConfig[];
}

/** While an alert fires that meets `source`, those are not notified that meet `target` and have the same `equal` labels. */
export interface InhibitionRule {
  readonly source: readonly LabelMatcher[];
  readonly target: readonly LabelMatcher[];
  readonly equal: readonly string[];
}

export interface NotifyConfig {
  readonly route: RouteConfig;
  readonly receivers: readonly ReceiverConfig[];
  readonly inhibitions: readonly InhibitionRule[];
  /** In one notification; the rest are counted. */
  readonly maxAlerts: number;
  /** "": not known. */
  readonly externalUrl: string;
  /** How long before its end a silence is announced to end. */
  readonly silenceNoticeMs: number;
}

export const GROUP_WAIT_MS = 30_000;
export const GROUP_INTERVAL_MS = 5 * 60_000;
export const REPEAT_INTERVAL_MS = 4 * 3_600_000;
export const ALERTS_MAX = 100;
export const SILENCE_NOTICE_MS = 15 * 60_000;
