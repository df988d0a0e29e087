/** Slack's incoming webhooks, and those of the many chats that take the same: Mattermost, Rocket.Chat, Discord's /slack. */
import { truncated } from "../../model/errors.ts";
import type { NotifiedAlert, Notification } from "../notify/notification.ts";
import type { Severity } from "../severity.ts";
import { generatorUrl } from "./alertmanager-body.ts";
import { refused } from "./delivery-error.ts";
import { pageUrl, singleLine, slackText } from "./escape.ts";
import { postJson, type HttpTarget } from "./http-post.ts";
import {
  factsOf,
  gravestSeverity,
  headlineOf,
  inOrderOfWeight,
  labelsOf,
  REPEATED_TEXT,
  titleOf,
} from "./notification-text.ts";
import type { Receiver, ReceiverDeps, ReceiverIdentity } from "./receiver.ts";
import { quotable } from "./scrub.ts";

export interface SlackConfig extends HttpTarget {
  readonly kind: "slack";
  readonly timeoutMs: number;
  /** Where the webhook itself does not say. */
  readonly channel: string | undefined;
  readonly username: string | undefined;
}

const ALERTS_SHOWN_MAX = 10;
/** Before escaping. */
const TITLE_LENGTH_MAX = 150;
const DESCRIPTION_LENGTH_MAX = 500;
const FACTS_LENGTH_MAX = 500;

const COLORS: Readonly<Record<Severity, string>> = {
  critical: "#b3261e",
  high: "#e8590c",
  medium: "#f2b705",
  low: "#3b82c4",
};
const RESOLVED_COLOR = "#2e9e5b";

export function slackReceiver(identity: ReceiverIdentity, config: SlackConfig, { clock }: ReceiverDeps): Receiver {
  return {
    ...identity,
    async send(notification, { signal }) {
      const { text, where, secrets } = await postJson(config, slackBody(notification, config), { clock, signal });
      const complaint = complaintIn(text);
      if (complaint !== undefined) throw refused(`${where} answered: ${quotable(complaint, secrets)}`);
    },
    async close() {},
  };
}

type SlackAddress = Pick<SlackConfig, "channel" | "username">;

export function slackBody(notification: Notification, { channel, username }: SlackAddress): string {
  const { status, alerts, truncatedAlerts, isRepeated, externalUrl } = notification;
  const ordered = inOrderOfWeight(alerts);
  const lines = ordered.slice(0, ALERTS_SHOWN_MAX).map((alert) => alertText(notification, alert));
  const more = Math.max(0, alerts.length - ALERTS_SHOWN_MAX) + truncatedAlerts;
  if (more > 0) lines.push(`… and ${more} more`);
  if (isRepeated) lines.push(`_${REPEATED_TEXT}_`);
  const headline = slackText(headlineOf(notification));
  const link = pageUrl(externalUrl);
  return JSON.stringify({
    ...(channel === undefined ? {} : { channel }),
    ...(username === undefined ? {} : { username }),
    attachments: [
      {
        color: status === "firing" ? COLORS[gravestSeverity(notification)] : RESOLVED_COLOR,
        fallback: headline,
        title: headline,
        ...(link === undefined ? {} : { title_link: link }),
        text: lines.join("\n\n"),
        mrkdwn_in: ["text"],
      },
    ],
  });
}

function alertText(notification: Notification, alert: NotifiedAlert): string {
  const title = slackText(truncated(singleLine(titleOf(alert)), TITLE_LENGTH_MAX));
  const description = slackText(truncated(alert.description.trim(), DESCRIPTION_LENGTH_MAX));
  const facts = [...factsOf(alert), ...labelsOf(alert)].map(([name, value]) => `${name}: ${singleLine(value)}`);
  const links = [linkText(generatorUrl(notification, alert), "Alert"), linkText(alert.runbook, "Runbook")].filter(
    (link) => link !== undefined,
  );
  return [
    `*${title}*`,
    ...(description === "" ? [] : [description]),
    slackText(truncated(singleLine(facts.join(" · ")), FACTS_LENGTH_MAX)),
    ...(links.length === 0 ? [] : [links.join(" · ")]),
  ].join("\n");
}

/** `|` would end the address, `>` the link. */
function linkText(url: string, text: string): string | undefined {
  const page = pageUrl(url);
  if (page === undefined) return undefined;
  return `<${page.replaceAll("&", "&amp;").replaceAll("|", "%7C").replaceAll("<", "%3C").replaceAll(">", "%3E")}|${text}>`;
}

/** Slack says "ok"; some others say no with 200 all the same. */
function complaintIn(answer: string): string | undefined {
  if (!answer.trimStart().startsWith("{")) return undefined;
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(answer) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (parsed["ok"] !== false && parsed["success"] !== false) return undefined;
  return typeof parsed["error"] === "string" ? parsed["error"] : "it was not taken";
}
