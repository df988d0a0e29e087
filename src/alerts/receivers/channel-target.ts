/** What may be said of a channel to everybody: its name, and where it goes. */
import type { ChannelConfig } from "./channel-config.ts";
import { mailboxText } from "./mailbox.ts";

const RECIPIENTS_NAMED_MAX = 3;

/** In their order: "webhook", then "webhook-2" for a second of a kind. */
export function channelNames(channels: readonly Pick<ChannelConfig, "kind">[]): string[] {
  const counts = new Map<string, number>();
  return channels.map(({ kind }) => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    return count === 1 ? kind : `${kind}-${count}`;
  });
}

/** Without secrets: "https://hooks.example.org/<secret>", "ops@example.org". */
export function targetOf(config: ChannelConfig): string {
  switch (config.kind) {
    case "slack":
      return config.channel === undefined ? config.url.shown : `${config.channel} at ${config.url.shown}`;
    case "email": {
      const named = config.to.slice(0, RECIPIENTS_NAMED_MAX).map(mailboxText);
      const more = config.to.length - named.length;
      return `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
    }
    case "mqtt":
      return `${config.topic} at ${config.url.shown}`;
    default:
      return config.url.shown;
  }
}

/** What it was told stays there until it is told that it is over. */
export function keepsWhatItIsTold(config: ChannelConfig): boolean {
  return config.kind === "pagerduty" || config.kind === "alertmanager" || (config.kind === "mqtt" && config.retain);
}
