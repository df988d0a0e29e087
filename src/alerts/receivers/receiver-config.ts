/**
 * Where notifications go, as it is written in YAML:
 *
 *     receivers:
 *       - name: ops
 *         webhook: { url: https://ops.example.org/alerts, secret: "${OPS_SECRET}" }
 *         slack: { url_file: /run/secrets/slack-url }
 */
import { z } from "zod";
import { formatDurationMs } from "../../model/duration.ts";
import { CHANNEL_KINDS, channelSchemas, type ChannelConfig } from "./channel-config.ts";
import { isMailbox, mailboxText } from "./mailbox.ts";
import { oneOrMore, text, type Environment } from "./receiver-fields.ts";
import { Secret } from "./secret.ts";

export interface ReceiverConfig {
  readonly name: string;
  readonly sendResolved: boolean;
  /** In the order of {@link CHANNEL_KINDS}. None: what is routed to it is dropped. */
  readonly channels: readonly ChannelConfig[];
}

const CHANNELS_MAX = 10;

/** `env`: what `${NAME}` stands for. Issues name the key and what was wanted, never the value of a secret. */
export function receiversSchema(env: Environment) {
  const channels = channelSchemas(env);
  const receiver = z
    .strictObject({
      name: text("a name"),
      send_resolved: z.boolean().default(true),
      webhook: oneOrMore(channels.webhook, CHANNELS_MAX).optional(),
      alertmanager: oneOrMore(channels.alertmanager, CHANNELS_MAX).optional(),
      pagerduty: oneOrMore(channels.pagerduty, CHANNELS_MAX).optional(),
      slack: oneOrMore(channels.slack, CHANNELS_MAX).optional(),
      email: oneOrMore(channels.email, CHANNELS_MAX).optional(),
      mqtt: oneOrMore(channels.mqtt, CHANNELS_MAX).optional(),
    })
    .transform((given, context): ReceiverConfig => {
      const configured = CHANNEL_KINDS.flatMap((kind): ChannelConfig[] => given[kind] ?? []);
      if (configured.length > CHANNELS_MAX) {
        const wanted = `wanted at most ${CHANNELS_MAX}: ${CHANNEL_KINDS.join(", ")}`;
        context.addIssue({ code: "custom", message: `${configured.length} channels; ${wanted}` });
      }
      return { name: given.name, sendResolved: given.send_resolved, channels: configured };
    });
  return z.array(receiver).superRefine((receivers, context) => {
    const seen = new Set<string>();
    for (const [index, { name }] of receivers.entries()) {
      if (seen.has(name)) context.addIssue({ code: "custom", path: [index, "name"], message: "the name is taken" });
      seen.add(name);
    }
  });
}

/** As it would be written, with defaults, and with marks where secrets are: for listings. */
export function redacted({ name, sendResolved, channels }: ReceiverConfig): Record<string, unknown> {
  const byKind = new Map<string, unknown[]>();
  for (const { kind, ...config } of channels) byKind.set(kind, [...(byKind.get(kind) ?? []), written(config)]);
  const single = ([kind, configs]: [string, unknown[]]) => [kind, configs.length === 1 ? configs[0] : configs];
  return { name, send_resolved: sendResolved, ...Object.fromEntries([...byKind].map(single)) };
}

/** The same of one channel, without its kind. */
export function redactedChannel({ kind: _, ...config }: ChannelConfig): unknown {
  return written(config);
}

function written(value: unknown): unknown {
  if (value instanceof Secret) return value.shown;
  if (value instanceof Map) return fields([...value]);
  if (Array.isArray(value)) return value.map(written);
  if (typeof value !== "object" || value === null) return value;
  return isMailbox(value) ? mailboxText(value) : fields(Object.entries(value).map(setting));
}

/** Without those that say nothing. */
function fields(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const isEmpty = (value: unknown) => typeof value === "object" && value !== null && Object.keys(value).length === 0;
  const said = entries.map(([name, value]) => [name, written(value)] as const);
  return Object.fromEntries(said.filter(([, value]) => value !== undefined && value !== "" && !isEmpty(value)));
}

/** As the key is spelled in the file, with its unit in the value. */
function setting([key, value]: [string, unknown]): [string, unknown] {
  const name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const isDuration = name.endsWith("_ms") && typeof value === "number";
  return isDuration ? [name.slice(0, -"_ms".length), formatDurationMs(value)] : [name, value];
}
