/** What each kind of channel is told, and its defaults. */
import { z } from "zod";
import type { AlertmanagerConfig } from "./alertmanager.ts";
import type { EmailConfig } from "./email.ts";
import { topicProblem } from "./mqtt-topic.ts";
import type { MqttConfig } from "./mqtt.ts";
import type { PagerDutyConfig } from "./pagerduty.ts";
import {
  chosen,
  durationMs,
  mailbox,
  oneOrMore,
  parsed,
  requiredSecretIn,
  secretIn,
  secretShape,
  secretText,
  text,
  type Environment,
} from "./receiver-fields.ts";
import { Secret } from "./secret.ts";
import type { SlackConfig } from "./slack.ts";
import type { TlsConfig } from "./tls-files.ts";
import type { WebhookConfig } from "./webhook.ts";

export type ChannelConfig =
  WebhookConfig | AlertmanagerConfig | PagerDutyConfig | SlackConfig | EmailConfig | MqttConfig;

export const CHANNEL_KINDS = ["webhook", "alertmanager", "pagerduty", "slack", "email", "mqtt"] as const;

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue";
/** Above the 4 hours after which what still fires is said again. */
const EXPIRE_AFTER_MS = 5 * HOUR;
/** Those that say what is sent are ours, and those of the connection fetch's. */
const RESERVED_HEADERS = /^(content-|transfer-encoding$|connection$|host$|accept-encoding$|x-watchpost-)/i;
const RECIPIENTS_MAX = 100;

/** One schema for each kind; `env` is what `${NAME}` stands for. */
export function channelSchemas(env: Environment) {
  const common = { timeout: durationMs(100, 5 * 60 * SECOND).prefault("10s"), tls: tlsSchema() };
  const http = { ...common, ...secretShape("url", env), headers: headersSchema(env) };
  const login = { user: text("a name").default(""), ...secretShape("password", env) };

  const webhook = z
    .strictObject({ ...http, ...secretShape("secret", env) })
    .transform((given, context): WebhookConfig => {
      return { kind: "webhook", ...httpTarget(given, context), secret: secretIn(given, "secret", context) };
    });

  const alertmanager = z
    .strictObject({ ...http, expire_after: durationMs(60 * SECOND, 30 * 24 * HOUR).default(EXPIRE_AFTER_MS) })
    .transform((given, context): AlertmanagerConfig => {
      return { kind: "alertmanager", ...httpTarget(given, context), expireAfterMs: given.expire_after };
    });

  const pagerduty = z
    .strictObject({ ...http, ...secretShape("routing_key", env) })
    .transform((given, context): PagerDutyConfig => {
      const isDefault = given.url === undefined && given.url_file === undefined;
      const target = httpTarget(isDefault ? { ...given, url: PAGERDUTY_URL } : given, context);
      return { kind: "pagerduty", ...target, routingKey: requiredSecretIn(given, "routing_key", context) };
    });

  const slack = z
    .strictObject({ ...http, channel: text("a channel").optional(), username: text("a name").optional() })
    .transform((given, context): SlackConfig => {
      const { channel, username } = given;
      return { kind: "slack", ...httpTarget(given, context), channel, username };
    });

  const email = z
    .strictObject({
      ...common,
      ...login,
      ...secretShape("smtp_url", env),
      host: text("a host").optional(),
      port: z.int().min(1).max(65_535).optional(),
      security: z.enum(["starttls", "tls", "none"]).optional(),
      from: mailbox(),
      to: oneOrMore(mailbox(), RECIPIENTS_MAX),
    })
    .transform((given, context): EmailConfig => {
      const { timeout: timeoutMs, security, from, to, tls } = given;
      return { kind: "email", timeoutMs, ...smtpServer(given, context), security, from, to, tls };
    });

  const mqtt = z
    .strictObject({
      ...common,
      ...login,
      ...secretShape("url", env),
      topic: topic().default("watchpost/alerts/{receiver}"),
      retain: z.boolean().default(false),
      // Without quotes it is a number in YAML.
      version: z.preprocess((given) => (given === 5 ? "5" : given), z.enum(["5", "3.1.1"])).default("5"),
    })
    .transform((given, context): MqttConfig => {
      const { timeout: timeoutMs, user, topic, retain, version, tls } = given;
      const url = requiredSecretIn(given, "url", context, urlSecret("url", /^mqtts?:$/, "mqtt or mqtts", context));
      return {
        kind: "mqtt",
        timeoutMs,
        url,
        user,
        password: secretIn(given, "password", context),
        topic,
        retain,
        version,
        tls,
      };
    });

  return { webhook, alertmanager, pagerduty, slack, email, mqtt };
}

function tlsSchema() {
  const path = text("the path of a file").optional();
  return z
    .strictObject({ ca_file: path, cert_file: path, key_file: path, insecure_skip_verify: z.boolean().default(false) })
    .refine((given) => (given.cert_file === undefined) === (given.key_file === undefined), {
      message: "wanted cert_file and key_file together",
    })
    .transform(({ ca_file, cert_file, key_file, insecure_skip_verify }): TlsConfig => {
      return { caFile: ca_file, certFile: cert_file, keyFile: key_file, insecureSkipVerify: insecure_skip_verify };
    })
    .prefault({});
}

/** Values are secrets, all of them: which one carries a token only its reader knows. */
function headersSchema(env: Environment) {
  const inline = secretText(env).transform((given) => Secret.of(given));
  const inFile = z.strictObject({ file: text("the path of a file") }).transform(({ file }) => Secret.inFile(file));
  const value = chosen<Secret>((given) => (typeof given === "string" ? inline : inFile));
  const isFree = (name: string) => /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !RESERVED_HEADERS.test(name);
  return z
    .record(z.string(), value)
    .superRefine((given, context) => {
      for (const name of Object.keys(given).filter((each) => !isFree(each))) {
        context.addIssue({
          code: "custom",
          path: [name],
          message: "wanted a header that Watchpost does not set itself",
        });
      }
    })
    .transform((given) => new Map(Object.entries(given)))
    .prefault({});
}

function topic() {
  return parsed('a topic such as "site/alerts/{severity}"', (given) => {
    const problem = topicProblem(given);
    if (problem !== undefined) throw new RangeError(`${JSON.stringify(given)} is no topic: ${problem}`);
    return given;
  });
}

interface GivenHttp {
  readonly url?: string | undefined;
  readonly url_file?: string | undefined;
  readonly headers: ReadonlyMap<string, Secret>;
  readonly tls: TlsConfig;
  readonly timeout: number;
}

function httpTarget(given: GivenHttp, context: z.RefinementCtx) {
  const url = requiredSecretIn({ ...given }, "url", context, urlSecret("url", /^https?:$/, "http or https", context));
  return { url, headers: given.headers, tls: given.tls, timeoutMs: given.timeout };
}

interface GivenSmtp {
  readonly smtp_url?: string | undefined;
  readonly smtp_url_file?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly user: string;
}

type SmtpServerConfig = Pick<EmailConfig, "smtpUrl" | "host" | "port" | "user" | "password">;

function smtpServer(given: GivenSmtp, context: z.RefinementCtx): SmtpServerConfig {
  const { host, port, user } = given;
  const smtpUrl = secretIn(
    { ...given },
    "smtp_url",
    context,
    urlSecret("smtp_url", /^smtps?:$/, "smtp or smtps", context),
  );
  const password = secretIn({ ...given }, "password", context);
  if ((smtpUrl === undefined) === (host === undefined)) {
    const wanted = "wanted smtp_url (or smtp_url_file), or host with port, user and password";
    context.addIssue({ code: "custom", message: wanted });
  }
  return { smtpUrl, host: host ?? "", port, user, password };
}

function urlSecret(key: string, protocols: RegExp, wanted: string, context: z.RefinementCtx) {
  return (given: string): Secret => {
    const url = URL.parse(given);
    if (url !== null && protocols.test(url.protocol) && url.hostname !== "") return Secret.ofUrl(given);
    context.addIssue({ code: "custom", path: [key], message: `wanted a URL of ${wanted}` });
    return z.NEVER;
  };
}
