/** The mail that tells of a notification: a subject, and the same twice, as text and as HTML. */
import type { NotifiedAlert, Notification } from "../notify/notification.ts";
import { generatorUrl } from "./alertmanager-body.ts";
import { htmlText, pageUrl, plainText, singleLine } from "./escape.ts";
import {
  factsOf,
  headlineOf,
  inOrderOfWeight,
  labelsOf,
  REPEATED_TEXT,
  titleOf,
  type Fact,
} from "./notification-text.ts";

export interface MailBody {
  /** One line. */
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

const SUBJECT_LENGTH_MAX = 200;
const ALERTS_SHOWN_MAX = 50;

/** An alert as lines of a mail; nothing is escaped yet. */
interface Section {
  readonly title: string;
  readonly description: string;
  readonly facts: readonly Fact[];
  /** Pages, by what they are. */
  readonly links: readonly Fact[];
}

export function mailBody(notification: Notification): MailBody {
  const { alerts, truncatedAlerts, isRepeated } = notification;
  const shown = inOrderOfWeight(alerts).slice(0, ALERTS_SHOWN_MAX);
  const sections = shown.map((alert) => sectionOf(notification, alert));
  const more = alerts.length - shown.length + truncatedAlerts;
  const notes = [...(more > 0 ? [`… and ${more} more`] : []), ...(isRepeated ? [REPEATED_TEXT] : [])];
  return {
    subject: headlineOf(notification).slice(0, SUBJECT_LENGTH_MAX).toWellFormed(),
    text: [...sections.map(sectionText), ...notes].join("\n\n") + "\n",
    html: htmlPage(headlineOf(notification), sections, notes),
  };
}

function sectionOf(notification: Notification, alert: NotifiedAlert): Section {
  const links = [
    ["Alert", pageUrl(generatorUrl(notification, alert))],
    ["Runbook", pageUrl(alert.runbook)],
  ] as const;
  return {
    title: singleLine(titleOf(alert)),
    description: plainText(alert.description).trim(),
    facts: [...factsOf(alert), ...labelsOf(alert)].map(([name, value]) => [singleLine(name), singleLine(value)]),
    links: links.flatMap(([name, url]) => (url === undefined ? [] : [[name, url] as const])),
  };
}

function sectionText({ title, description, facts, links }: Section): string {
  const lines = [title, ...(description === "" ? [] : [description])];
  for (const [name, value] of [...facts, ...links]) lines.push(`  ${name}: ${value}`);
  return lines.join("\n");
}

function htmlPage(headline: string, sections: readonly Section[], notes: readonly string[]): string {
  return [
    '<!doctype html><html><head><meta charset="utf-8"></head>',
    '<body style="font-family: sans-serif; font-size: 14px; color: #1c1c1c">',
    `<h1 style="font-size: 18px">${htmlText(headline)}</h1>`,
    ...sections.map(sectionHtml),
    ...notes.map((note) => `<p>${htmlText(note)}</p>`),
    "</body></html>",
  ].join("\n");
}

function sectionHtml({ title, description, facts, links }: Section): string {
  const rows = facts.map(([name, value]) => row(htmlText(name), htmlText(value)));
  for (const [name, url] of links) rows.push(row(name, `<a href="${htmlText(url)}">${htmlText(url)}</a>`));
  const paragraph = description === "" ? "" : `<p style="white-space: pre-line">${htmlText(description)}</p>\n`;
  return `<h2 style="font-size: 15px">${htmlText(title)}</h2>\n${paragraph}<table>\n${rows.join("\n")}\n</table>`;
}

function row(name: string, value: string): string {
  return `<tr><td style="padding-right: 12px; color: #666">${name}</td><td>${value}</td></tr>`;
}
