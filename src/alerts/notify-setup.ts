/** What the rules file says of notifications: whom to tell, how, and when, and which alerts are one incident. */
import { correlationOf } from "./correlation-input.ts";
import { CHANNEL_KINDS } from "./receivers/channel-config.ts";
import { escalationConfigOf } from "./escalation/escalation-config-input.ts";
import { receiversSchema } from "./receivers/receiver-config.ts";
import { notifyConfigOf } from "./notify/notify-config-input.ts";
import type { ChannelConfig } from "./notify/notify-config.ts";
import { NOBODY, type NotifySetup } from "./nobody.ts";

/** Keys of the file beside `rules`. */
export const NOTIFY_SECTIONS = [
  "route",
  "receivers",
  "inhibit_rules",
  "max_alerts",
  "external_url",
  "silence_notice",
  "escalations",
  "schedules",
  "correlation",
] as const;

/** As written; those that are missing are undefined. */
export type WrittenSections = Readonly<Partial<Record<(typeof NOTIFY_SECTIONS)[number], unknown>>>;

/**
 * `env`: what ${NAME} stands for in secrets. Throws FAILED_PRECONDITION with everything that is wrong; secrets are not in
 * what it says.
 */
export function notifySetupOf(
  sections: WrittenSections,
  env: Readonly<Record<string, string | undefined>>,
): NotifySetup {
  const { correlation: writtenCorrelation, ...others } = sections;
  const correlation = correlationOf(writtenCorrelation);
  const written = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  if (Object.keys(written).length === 0) return { ...NOBODY, correlation };
  const { escalations = [], schedules = [], ...told } = written;
  const config = notifyConfigOf(told, channelsOf);
  const receivers = receiversSchema(env).parse(told["receivers"] ?? []);
  const names = config.receivers.map(({ name }) => name);
  const { repeatIntervalMs } = config.route;
  const escalation = escalationConfigOf({ escalations, schedules }, { receivers: names, repeatIntervalMs });
  return { config, receivers, escalation, correlation };
}

/** By their names, as they are opened: "webhook", then "webhook-2". */
function channelsOf(receiver: Readonly<Record<string, unknown>>): ChannelConfig[] {
  const sendsResolved = receiver["send_resolved"] !== false;
  return CHANNEL_KINDS.flatMap((kind) => {
    const given = receiver[kind];
    const count = given === undefined ? 0 : Array.isArray(given) ? given.length : 1;
    return Array.from({ length: count }, (_, i) => ({ name: i === 0 ? kind : `${kind}-${i + 1}`, sendsResolved }));
  });
}
