/** Whom to tell, how, and when; and that nobody is, which takes nothing that reads a rules file. */
import { CORRELATION, type Correlation } from "./incidents.ts";
import type { EscalationConfig } from "./escalation/escalation-config.ts";
import {
  ALERTS_MAX,
  GROUP_INTERVAL_MS,
  GROUP_WAIT_MS,
  REPEAT_INTERVAL_MS,
  SILENCE_NOTICE_MS,
  type NotifyConfig,
} from "./notify/notify-config.ts";
import type { ReceiverConfig } from "./receivers/receiver-config.ts";

export interface NotifySetup {
  readonly config: NotifyConfig;
  readonly receivers: readonly ReceiverConfig[];
  readonly escalation: EscalationConfig;
  readonly correlation: Correlation;
}

/** Nobody is told. */
export const NOBODY: NotifySetup = {
  config: {
    route: {
      receiver: "nobody",
      groupBy: [],
      groupWaitMs: GROUP_WAIT_MS,
      groupIntervalMs: GROUP_INTERVAL_MS,
      repeatIntervalMs: REPEAT_INTERVAL_MS,
      matchers: [],
      goesOn: false,
      routes: [],
    },
    receivers: [{ name: "nobody", channels: [] }],
    inhibitions: [],
    maxAlerts: ALERTS_MAX,
    externalUrl: "",
    silenceNoticeMs: SILENCE_NOTICE_MS,
  },
  receivers: [],
  escalation: { policies: [], schedules: [] },
  correlation: CORRELATION,
};
