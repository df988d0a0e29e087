/** Receivers as they are written in YAML, what is wrong with them, and what is shown of them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { openReceivers } from "../../../src/alerts/receivers/open-receivers.ts";
import { receiversSchema, redacted } from "../../../src/alerts/receivers/receiver-config.ts";
import { tempDir } from "../../support/server-process.ts";
import { configsOf, Rig } from "./rig.ts";

const ENV = { SLACK_TOKEN: "T0000/B1111/s3cr3tt0ken", PD_KEY: "R0123456789abcdef", PASSWORD: "hunter2", EMPTY: "" };

const GIVEN = [
  {
    name: "ops",
    webhook: {
      url: "https://us3r:pa55word@ops.example.org:8443/hooks/t0ken?key=k3y",
      secret: "${PASSWORD}",
      timeout: "1m30s",
      headers: { Authorization: "Bearer ${PD_KEY}", "X-Key": { file: "/run/secrets/key" } },
      tls: { ca_file: "/etc/ca.pem" },
    },
    slack: [
      { url: "https://hooks.slack.com/services/${SLACK_TOKEN}", channel: "#ops" },
      { url_file: "/run/secrets/slack" },
    ],
  },
  {
    name: "night",
    send_resolved: false,
    pagerduty: { routing_key: "${PD_KEY}" },
    email: {
      host: "smtp.example.org",
      user: "watchpost",
      password_file: "/run/secrets/smtp",
      from: "Watchpost <watchpost@example.org>",
      to: ["ops@example.org"],
    },
  },
  {
    name: "outside",
    alertmanager: { url: "http://alertmanager:9093", expire_after: "1d" },
    mqtt: { url: "mqtts://u:${PASSWORD}@broker.example.org", topic: "alerts/{site}", retain: true, version: "3.1.1" },
    email: { smtp_url: "smtps://u:${PASSWORD}@smtp.example.org", from: "a@b", to: "c@d" },
  },
];

let directory: ReturnType<typeof tempDir>;
beforeAll(() => void (directory = tempDir("receiver-config")));
afterAll(() => directory[Symbol.dispose]());

test("what is shown is what was written, without one secret", () => {
  const timeout = "10s";
  const tls = { insecure_skip_verify: false };
  const shown = configsOf(GIVEN, ENV).map(redacted);
  expect(shown).toEqual([
    {
      name: "ops",
      send_resolved: true,
      webhook: {
        url: "https://ops.example.org:8443/<secret>",
        secret: "<secret>",
        timeout: "1m30s",
        headers: { Authorization: "<secret>", "X-Key": "<secret in /run/secrets/key>" },
        tls: { ca_file: "/etc/ca.pem", insecure_skip_verify: false },
      },
      slack: [
        { url: "https://hooks.slack.com/<secret>", channel: "#ops", timeout, tls },
        { url: "<secret in /run/secrets/slack>", timeout, tls },
      ],
    },
    {
      name: "night",
      send_resolved: false,
      pagerduty: { url: "https://events.pagerduty.com/<secret>", routing_key: "<secret>", timeout, tls },
      email: {
        host: "smtp.example.org",
        user: "watchpost",
        password: "<secret in /run/secrets/smtp>",
        from: "Watchpost <watchpost@example.org>",
        to: ["ops@example.org"],
        timeout,
        tls,
      },
    },
    {
      name: "outside",
      send_resolved: true,
      alertmanager: { url: "http://alertmanager:9093", expire_after: "1d", timeout, tls },
      email: { smtp_url: "smtps://smtp.example.org/<secret>", from: "a@b", to: ["c@d"], timeout, tls },
      mqtt: {
        url: "mqtts://broker.example.org/<secret>",
        topic: "alerts/{site}",
        retain: true,
        version: "3.1.1",
        timeout,
        tls,
      },
    },
  ]);
  const parsed = configsOf(GIVEN, ENV);
  const texts = [JSON.stringify(shown), JSON.stringify(parsed), Bun.inspect(parsed, { depth: 20 })];
  const secrets = ["s3cr3tt0ken", "R0123456789abcdef", "hunter2", "us3r", "pa55word", "t0ken", "k3y"];
  expect(secrets.filter((secret) => texts.some((text) => text.includes(secret)))).toEqual([]);
});

test("what is wrong is said by key, with what was wanted, and never by a secret's value", () => {
  const cases: [channel: Record<string, unknown>, path: string, message: string][] = [
    [{ webhook: { url: "hunter2" } }, "webhook.url", "wanted a URL of http or https"],
    [{ webhook: { url: "ftp://hunter2" } }, "webhook.url", "wanted a URL of http or https"],
    [{ webhook: { url: 5 } }, "webhook.url", "wanted text, or ${NAME} for a variable of the environment"],
    [{ webhook: {} }, "webhook.url", "wanted url or url_file"],
    [{ webhook: null }, "webhook", "Invalid input: expected object, received null"],
    [{ webhook: { url: "http://h", url_file: "/f" } }, "webhook.url", "url and url_file are both given; wanted one"],
    [{ webhook: { url: "http://h/${NOPE}" } }, "webhook.url", "NOPE is not set in the environment"],
    [{ webhook: { url: "http://h", secret: "${EMPTY}" } }, "webhook.secret", "EMPTY is not set in the environment"],
    [
      { webhook: { url: "http://h", timeout: "1 h" } },
      "webhook.timeout",
      '"1 h" is no duration; wanted one such as "250ms", "90s" or "1h30m"',
    ],
    [
      { webhook: { url: "http://h", timeout: "1h" } },
      "webhook.timeout",
      'wanted a duration such as "10s", from 100ms to 5m',
    ],
    [
      { webhook: { url: "http://h", headers: { Host: "hunter2" } } },
      "webhook.headers.Host",
      "wanted a header that Watchpost does not set itself",
    ],
    [
      { webhook: { url: "http://h", headers: { "a b": "hunter2" } } },
      "webhook.headers.a b",
      "wanted a header that Watchpost does not set itself",
    ],
    [
      { webhook: { url: "http://h", headers: { A: 5 } } },
      "webhook.headers.A",
      "Invalid input: expected object, received number",
    ],
    [
      { webhook: { url: "http://h", tls: { cert_file: "/c" } } },
      "webhook.tls",
      "wanted cert_file and key_file together",
    ],
    [{ slack: [{ url: "http://h" }, { url: "http://h", hunter: "hunter2" }] }, "slack.1", 'Unrecognized key: "hunter"'],
    [{ pagerduty: {} }, "pagerduty.routing_key", "wanted routing_key or routing_key_file"],
    [
      { email: { from: "a@b", to: "c@d" } },
      "email",
      "wanted smtp_url (or smtp_url_file), or host with port, user and password",
    ],
    [
      { email: { smtp_url: "smtp://h", host: "h", from: "a@b", to: "c@d" } },
      "email",
      "wanted smtp_url (or smtp_url_file), or host with port, user and password",
    ],
    [
      { email: { host: "h", from: "a@b", to: ["c@d, e@f"] } },
      "email.to.0",
      'wanted one address such as "ops@example.org" or "Ops <ops@example.org>"',
    ],
    [
      { email: { host: "h", from: "a@b\r\nBcc: c@d", to: "c@d" } },
      "email.from",
      'wanted one address such as "ops@example.org" or "Ops <ops@example.org>"',
    ],
    [{ mqtt: { url: "http://hunter2" } }, "mqtt.url", "wanted a URL of mqtt or mqtts"],
    [
      { mqtt: { url: "mqtt://h", topic: "a/#" } },
      "mqtt.topic",
      '"a/#" is no topic: it has a "+", a "#" or a control character',
    ],
    [
      {
        slack: Array.from({ length: 6 }, () => ({ url: "http://h" })),
        mqtt: Array.from({ length: 5 }, () => ({ url: "mqtt://h" })),
      },
      "",
      "11 channels; wanted at most 10: webhook, alertmanager, pagerduty, slack, email, mqtt",
    ],
  ];
  for (const [channel, path, message] of cases) {
    const { error } = receiversSchema(ENV).safeParse([{ name: "x", ...channel }]);
    const issues = (error?.issues ?? []).map((issue) => [issue.path.slice(1).join("."), issue.message]);
    expect(issues).toEqual([[path, message]]);
    expect(JSON.stringify(error)).not.toContain("hunter2");
  }
  // As Alertmanager's "null": it drops what it is given.
  expect(configsOf([{ name: "null" }])).toEqual([{ name: "null", sendResolved: true, channels: [] }]);
  const twice = receiversSchema(ENV).safeParse([1, 2].map(() => ({ name: "x", slack: { url: "http://h" } })));
  expect(twice.error?.issues).toMatchObject([{ path: [1, "name"], message: "the name is taken" }]);
});

test("${NAME} stands for the environment, $${NAME} for itself", async () => {
  const [{ channels }] = configsOf(
    [{ name: "x", webhook: { url: "http://h", secret: "a${PASSWORD}b$${PASSWORD}c$" } }],
    ENV,
  );
  const [webhook] = channels;
  expect(webhook.kind === "webhook" && (await webhook.secret?.reveal())).toBe("ahunter2b${PASSWORD}c$");
});

test("opening says what could never be sent, by receiver and channel, and makes one of each channel", async () => {
  const file = `${directory.path}/secret`;
  const rig = new Rig();
  const open = async (channel: Record<string, unknown>) => openReceivers(configsOf([{ name: "ops", ...channel }]), rig);
  const cases: [Record<string, unknown>, string | null, string][] = [
    [{ slack: { url_file: file } }, null, `receiver ops, slack: the secret's file ${file} cannot be read: ENOENT`],
    [{ slack: { url_file: file } }, " \n", `receiver ops, slack: the secret's file ${file} is empty`],
    [{ slack: { url_file: file } }, "hunter2", `receiver ops, slack: <secret in ${file}> is no URL of http or https`],
    [
      { webhook: { url: "http://h", headers: { A: { file } } } },
      "a\nb",
      "receiver ops, webhook: the value of header A has characters that no header may have",
    ],
    [
      { webhook: { url: "http://h", tls: { ca_file: file } } },
      null,
      `receiver ops, webhook: the TLS file ${file} cannot be read: ENOENT`,
    ],
    [
      { mqtt: { url_file: file } },
      "hunter2",
      `receiver ops, mqtt: <secret in ${file}> is no URL such as mqtt://host:1883 or mqtts://host`,
    ],
    [
      { email: { smtp_url_file: file, from: "a@b", to: "c@d" } },
      "hunter2",
      `receiver ops, email: <secret in ${file}> is no URL such as smtp://user:password@host:587 or smtps://host`,
    ],
    [
      { slack: [{ url: "http://h" }, { url_file: file }] },
      "x",
      `receiver ops, slack-2: <secret in ${file}> is no URL of http or https`,
    ],
  ];
  for (const [channel, content, message] of cases) {
    rmSync(file, { force: true });
    if (content !== null) writeFileSync(file, content);
    const error = await open(channel).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: "FAILED_PRECONDITION", message });
  }
  const opened = await open({
    slack: [{ url: "http://h" }, { url: "http://i" }],
    mqtt: { url: "mqtt://h", timeout: "3s" },
  });
  const identities = opened
    .get("ops")!
    .map(({ name, channel, sendResolved, timeoutMs }) => [name, channel, sendResolved, timeoutMs]);
  expect(identities).toEqual([
    ["ops", "slack", true, 10_000],
    ["ops", "slack-2", true, 10_000],
    ["ops", "mqtt", true, 3_000],
  ]);
});
