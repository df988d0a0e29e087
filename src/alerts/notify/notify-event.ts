/** What happens beside notifications, for whoever tells people or escalates. */
import type { Silence } from "./silence.ts";

export type NotifyEvent =
  /** A channel of a receiver has failed three times in a row for one group; said once, until it works again. */
  | {
      readonly kind: "failedThrice";
      readonly groupKey: string;
      readonly receiver: string;
      readonly channel: string;
      /** Of the notification that failed last. */
      readonly alertIds: readonly string[];
      readonly atMs: number;
    }
  /** A silence is about to end. */
  | {
      readonly kind: "silenceEnding";
      readonly silence: Silence;
      readonly inMs: number;
      /** Firing alerts that meet it. */
      readonly alertIds: readonly string[];
      readonly atMs: number;
    }
  /** It has ended by itself while alerts fire that it held back. */
  | {
      readonly kind: "silenceEnded";
      readonly silence: Silence;
      readonly alertIds: readonly string[];
      readonly atMs: number;
    };
