/** Nothing in a label can say more than itself. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { mailBody } from "../../../src/alerts/receivers/email-body.ts";
import {
  htmlText,
  pageUrl,
  plainText,
  singleLine,
  slackText,
  topicLevel,
} from "../../../src/alerts/receivers/escape.ts";
import { topicOf, topicProblem } from "../../../src/alerts/receivers/mqtt-topic.ts";
import { eventBody } from "../../../src/alerts/receivers/pagerduty.ts";
import { quotable, secretsOfUrl } from "../../../src/alerts/receivers/scrub.ts";
import { Secret } from "../../../src/alerts/receivers/secret.ts";
import { slackBody } from "../../../src/alerts/receivers/slack.ts";
import { NASTY, nastyNotification, notificationOf } from "./notifications.ts";

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(...NASTY),
  fc.string({
    unit: fc.constantFrom("<", ">", "&", "!", "@", "a", "/", "+", "#", "%", "\u0000", "\n", "\ud800", "$", '"'),
  }),
);
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

test("text has no controls, a heading no lines, and both are well-formed", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      for (const clean of [plainText(text), singleLine(text)]) {
        expect(clean).not.toMatch(CONTROL);
        expect(clean.isWellFormed()).toBe(true);
      }
      expect(singleLine(text)).not.toMatch(/[\r\n\t]/);
    }),
  );
  expect(plainText("a\r\nb\rc\u2028d\te\u001b[0m")).toBe("a\nb\nc\nd e\ufffd[0m");
});

test("Slack: no markup, no mention, no Markdown link", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const escaped = slackText(text);
      expect(escaped).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)|\]\(/);
      expect(escaped).not.toMatch(/(^|[^\w])@(?=\w)/);
    }),
  );
  expect(slackText("ops@example.org")).toBe("ops@example.org");
  expect(slackText("ask @here")).toBe("ask @\u200bhere");
});

test("Slack: the only markup in a message is its own links", () => {
  for (const text of NASTY) {
    const { attachments } = JSON.parse(slackBody(nastyNotification(text), { channel: undefined, username: undefined }));
    const { title, fallback, text: body } = attachments[0];
    for (const each of [title, fallback]) expect(each).not.toMatch(/[<>\n]/);
    expect(body.match(/<[^>]*>/g)).toEqual([
      expect.stringMatching(/^<https:\/\/watchpost\.example\.org\/alerts\/[^|<>]*\|Alert>$/),
    ]);
    expect(body.replaceAll(/<https:[^>]*>/g, "")).not.toMatch(/[<>]/);
    expect(body).not.toContain("@channel");
  }
});

test("mail: HTML of no other element and no other address, a subject of one line", () => {
  fc.assert(fc.property(anyText, (text) => expect(htmlText(text)).not.toMatch(/[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/)));
  for (const text of NASTY) {
    const { subject, html } = mailBody(nastyNotification(text));
    expect(subject).not.toMatch(CONTROL);
    const elements = new Set([...html.matchAll(/<\/?([a-z0-9]+)/g)].map(([, name]) => name));
    expect([...elements].filter((name) => !/^(html|head|meta|body|h1|h2|p|table|tr|td|a)$/.test(name))).toEqual([]);
    expect(
      [...html.matchAll(/href="([^"]*)"/g)].every(([, url]) => url.startsWith("https://watchpost.example.org/")),
    ).toBe(true);
  }
});

test("only pages are linked to", () => {
  expect(["javascript:alert(1)", "data:text/html,x", "//evil.example", "", "file:///etc/passwd"].map(pageUrl)).toEqual(
    Array(5).fill(undefined),
  );
  expect(pageUrl("https://example.org/<b>")).toBe("https://example.org/%3Cb%3E");
});

test("PagerDuty: no control characters, and links to pages alone", () => {
  for (const text of NASTY) {
    const { payload, links } = JSON.parse(eventBody(nastyNotification(text), "KEY"));
    expect([payload.summary, payload.source, payload.custom_details.alerts[0].labels.device].join("")).not.toMatch(
      CONTROL,
    );
    expect(links).toHaveLength(1);
    expect(links[0].href).toStartWith("https://watchpost.example.org/alerts/");
  }
});

test("MQTT: a value is one level and no wildcard, and two values never become the same level", () => {
  fc.assert(
    fc.property(anyText, anyText, (one, other) => {
      const level = topicLevel(one);
      expect(level).not.toMatch(/[+#/\u0000-\u001f\u007f-\u009f]|^\$|^$/);
      expect(level.isWellFormed()).toBe(true);
      if (![one, other].includes("") && one.toWellFormed() !== other.toWellFormed())
        expect(level).not.toBe(topicLevel(other));
      if (one !== "") expect(decodeURIComponent(level)).toBe(one.toWellFormed());
    }),
  );
  expect(topicLevel("a/#")).toBe("a%2F%23");
});

test("MQTT: topics of a notification", () => {
  const notification = notificationOf({ groupLabels: { site: "north/2" } });
  const topic = (template: string) => topicOf(template, notification);
  expect(topic("alerts/{receiver}/{status}/{severity}")).toBe("alerts/ops/firing/high");
  expect(topic("{site}/{ device }/{nothing}/x")).toBe("north%2F2/cooler-2/_/x");
  expect(topicOf("{device}", nastyNotification("$SYS/broker"))).toBe("%24SYS%2Fbroker");
  for (const bad of ["", "a/#", "+/a", "a/{x", "a}/b", "a/{}", "$SYS/{x}", "a\u0000b"])
    expect(topicProblem(bad)).toBeString();
  expect(topicProblem("a/{b}/c-ü")).toBeUndefined();
  const long = notificationOf({ groupLabels: { site: "#".repeat(30_000) } });
  expect(() => topicOf("{site}", long)).toThrow("the topic has 90000 bytes; MQTT has at most 65535");
});

test("a secret shows itself nowhere", () => {
  const secret = Secret.of("hunter2");
  const shown = [String(secret), `${JSON.stringify({ secret })}`, Bun.inspect({ secret }), Object.keys(secret).join()];
  expect(shown.filter((text) => text.includes("hunter2"))).toEqual([]);
  const urls = ["https://u:p@host:8443/path?x=1", "https://host/services/T/B", "mqtt://host", "http://host:9093/"];
  expect(urls.map((url) => Secret.ofUrl(url).shown)).toEqual([
    "https://host:8443/<secret>",
    "https://host/<secret>",
    "mqtt://host",
    "http://host:9093",
  ]);
});

test("what servers say is quoted without secrets, in one line of bounded length", () => {
  const url = new URL("https://us%C3%A9r:p%40ss%2Fword@host/services/T0000000/B1111%20111?key=k3y");
  const said = `us\u00e9r p@ss/word ${encodeURIComponent("p@ss/word")} T0000000 B1111 111 B1111%20111 k3y ${btoa("p@ss/word")}`;
  expect(quotable(said, secretsOfUrl(url))).toBe(Array(8).fill("<secret>").join(" "));
  expect(quotable(`a\r\nb\u0000${"x".repeat(1_000)}`, ["ab"])).toHaveLength(200);
});
