/** Alertmanager's JSON published to an MQTT broker, one message for a notification. The library is loaded for the first. */
import type { Clock } from "../../model/clock.ts";
import { truncated, WatchpostError } from "../../model/errors.ts";
import type { Notification } from "../notify/notification.ts";
import { webhookBody } from "./alertmanager-body.ts";
import { connectionFailure } from "./connection-failure.ts";
import { refused, stopped, tryAgain } from "./delivery-error.ts";
import { fitting } from "./fitting.ts";
import { topicOf } from "./mqtt-topic.ts";
import { inOrderOfWeight } from "./notification-text.ts";
import type { Receiver, ReceiverDeps, ReceiverIdentity } from "./receiver.ts";
import { percentDecoded, quotable, secretsOfUrl } from "./scrub.ts";
import type { Secret } from "./secret.ts";
import { tlsOptions, type TlsConfig, type TlsOptions } from "./tls-files.ts";

export interface MqttConfig {
  readonly kind: "mqtt";
  readonly timeoutMs: number;
  /** mqtt or mqtts. */
  readonly url: Secret;
  /** "": as in the URL. */
  readonly user: string;
  readonly password: Secret | undefined;
  /** With names in braces. */
  readonly topic: string;
  readonly retain: boolean;
  /** In 3.1.1 a broker cannot say that it did not accept a message. */
  readonly version: "5" | "3.1.1";
  readonly tls: TlsConfig;
}

interface Broker {
  readonly protocol: "mqtt" | "mqtts";
  readonly host: string;
  readonly port: number;
  /** Scheme, host and port. */
  readonly where: string;
  readonly username: string;
  readonly password: string;
  readonly tls: TlsOptions;
  readonly secrets: readonly string[];
}

/** What many brokers take. */
const PAYLOAD_BYTES_MAX = 128 * 1024;
/** How long a broker may take to hear of the end. */
const GOODBYE_MS = 1_000;
const TOPIC_LENGTH_SAID = 100;
/** A connection that we end ourselves: deliveries have the one clock. */
const LIBRARY_TIMEOUT_MS = 24 * 3_600_000;
/** Reason codes of CONNACK and PUBACK that may be gone soon: not available, busy, shutting down, quota, rates, unspecified. */
const LATER = new Set([0x03, 0x80, 0x83, 0x88, 0x89, 0x8b, 0x97, 0x9f]);
/** Bad user or password, not authorized; the former two are of version 3.1.1. */
const UNAUTHORIZED = new Set([0x04, 0x05, 0x86, 0x87]);

export function mqttReceiver(identity: ReceiverIdentity, config: MqttConfig, { clock }: ReceiverDeps): Receiver {
  return {
    ...identity,
    async send(notification, { signal }) {
      const broker = await brokerOf(config);
      const topic = topicOf(config.topic, notification);
      const { isRepeated } = notification;
      await publish(broker, config, { topic, payload: payloadOf(notification), isRepeated }, clock, signal);
    },
    async close() {},
  };
}

/** The gravest alerts that fit; the others are counted among those left out. */
export function payloadOf(notification: Notification): string {
  const { alerts, truncatedAlerts } = notification;
  const ordered = inOrderOfWeight(alerts);
  return fitting(alerts.length, PAYLOAD_BYTES_MAX, (shown) => {
    if (shown === alerts.length) return webhookBody(notification);
    const left = alerts.length - shown;
    return webhookBody({ ...notification, alerts: ordered.slice(0, shown), truncatedAlerts: truncatedAlerts + left });
  });
}

/** Throws FAILED_PRECONDITION where the URL is none; its text is not said. */
export async function brokerOf({ url: secretUrl, user, password: given, tls }: MqttConfig): Promise<Broker> {
  const url = URL.parse(await secretUrl.reveal());
  if (url === null || !/^mqtts?:$/.test(url.protocol) || url.hostname === "") {
    throw refused(`${secretUrl.shown} is no URL such as mqtt://host:1883 or mqtts://host`);
  }
  const protocol = url.protocol === "mqtts:" ? "mqtts" : "mqtt";
  const password = (await given?.reveal()) ?? percentDecoded(url.password);
  return {
    protocol,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? (protocol === "mqtts" ? 8883 : 1883) : Number(url.port),
    where: `${url.protocol}//${url.host}`,
    username: user === "" ? percentDecoded(url.username) : user,
    password,
    tls: await tlsOptions(tls),
    secrets: [...secretsOfUrl(url), password],
  };
}

interface Publication {
  readonly topic: string;
  readonly payload: string;
  readonly isRepeated: boolean;
}

/** A connection of its own for each: notifications are rare, and a kept one would be one more thing that can be half dead. */
async function publish(broker: Broker, config: MqttConfig, message: Publication, clock: Clock, signal: AbortSignal) {
  const { protocol, host, port, username, password, tls, where } = broker;
  const { connect } = await import("mqtt");
  if (signal.aborted) throw stopped();
  const client = connect({
    protocol,
    host,
    port,
    ...(username === "" ? {} : { username, password }),
    ...(protocol === "mqtts" ? tls : {}),
    clientId: `watchpost-${crypto.randomUUID().slice(0, 8)}`,
    protocolVersion: config.version === "5" ? 5 : 4,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: LIBRARY_TIMEOUT_MS,
  });
  const { promise: broken, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(stopped());
  signal.addEventListener("abort", onAbort, { once: true });
  client.on("error", reject);
  client.on("close", () => reject(tryAgain(`${where} closed the connection before it answered`)));
  const { topic, payload, isRepeated } = message;
  let wanted = "another user or password";
  try {
    await Promise.race([new Promise((resolve) => client.once("connect", resolve)), broken]);
    wanted = `leave to publish to ${truncated(JSON.stringify(topic), TOPIC_LENGTH_SAID)}`;
    const repeated = isRepeated ? { userProperties: { repeated: "true" } } : {};
    // Nothing is left of these in version 3.1.1.
    const properties = { contentType: "application/json", payloadFormatIndicator: true, ...repeated };
    await Promise.race([client.publishAsync(topic, payload, { qos: 1, retain: config.retain, properties }), broken]);
  } catch (error) {
    client.end(true);
    throw mqttFailure(error, broker, wanted);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  // It is delivered; nobody waits for the rest.
  const cancelTimer = clock.after(GOODBYE_MS, () => void client.stream.destroy());
  client.end(false, {}, cancelTimer);
}

/** `wanted`: what an unauthorized user lacks. */
function mqttFailure(error: unknown, { where, secrets }: Broker, wanted: string): WatchpostError {
  if (error instanceof WatchpostError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === "string") return connectionFailure(error, where);
  if (typeof code !== "number") return tryAgain(`${where} answers what is not MQTT`);
  const answer = `${where} answered ${quotable(String(message), secrets)} (0x${code.toString(16).padStart(2, "0")})`;
  const text = UNAUTHORIZED.has(code) ? `${answer}: wanted ${wanted}` : answer;
  return LATER.has(code) ? tryAgain(text) : refused(text);
}
