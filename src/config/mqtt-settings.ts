/** Tables `[mqtt.NAME]` and `[[mqtt.NAME.topics]]`. */
import { z } from "zod";
import { TIME_UNITS } from "../edge/mqtt/message-time.ts";
import type { BrokerSettings, BrokerUrl, TopicSettings, WillSettings } from "../edge/mqtt/settings.ts";
import { parseTopicPattern, type TopicPattern } from "../edge/mqtt/topic-pattern.ts";
import { parseValuePath } from "../edge/mqtt/value-path.ts";
import type { SparkplugSettings } from "../edge/sparkplug/options.ts";
import { NAMESPACE, parseTopic, stateTopic } from "../edge/sparkplug/topic.ts";
import { bytes, choice, durationMs, flag, integer, parsed, text } from "./leaves.ts";

const SECOND = 1_000;
const DAY = 24 * 3_600 * SECOND;
const MIB = 1024 * 1024;
const PORTS: Readonly<Record<BrokerUrl["protocol"], number>> = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 };
const BROKER_NAME = /^[A-Za-z0-9_-]{1,64}$/;
const BROKERS_MAX = 100;
const TOPICS_MAX = 1_000;
const ENTRIES_MAX = 100;

function brokerUrl() {
  return parsed(
    'a URL such as "mqtt://host:1883", "mqtts://host" or "ws://host/mqtt", without user and password',
    (given) => {
      const url = typeof given === "string" ? URL.parse(given) : null;
      if (url === null || url.hostname === "" || url.username + url.password + url.search + url.hash !== "")
        return undefined;
      const protocol = (Object.keys(PORTS) as BrokerUrl["protocol"][]).find((name) => `${name}:` === url.protocol);
      if (protocol === undefined) return undefined;
      const isWeb = protocol.startsWith("ws");
      if (!isWeb && !/^\/?$/.test(url.pathname)) return undefined;
      return {
        protocol,
        host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
        port: url.port === "" ? PORTS[protocol] : Number(url.port),
        path: isWeb ? url.pathname : "",
        shown: `${url.protocol}//${url.host}`,
      };
    },
  );
}

function anyText(wanted: string) {
  return parsed(wanted, (given) => (typeof given === "string" ? given : undefined));
}

function qos() {
  return parsed(
    "0 or 1: what comes with QoS 2 is asked for with 1, for a point that comes twice is the same point",
    (given) => (given === 0 || given === 1 ? given : undefined),
  );
}

function topicName() {
  return parsed("a topic without wildcards", (given) =>
    typeof given === "string" && given !== "" && !/[+#\0]/.test(given) ? given : undefined,
  );
}

function pattern() {
  return parsed('a topic pattern such as "factory/{source}/{device}/{metric}"', (given) =>
    typeof given === "string" ? parseTopicPattern(given) : undefined,
  );
}

function path() {
  return parsed("a path such as temperature, battery.voltage, data[*].v or $", (given) =>
    typeof given === "string" ? parseValuePath(given) : undefined,
  );
}

/** A path, or several. */
function paths() {
  const wanted = 'a path such as "data[*].v", or a list of them';
  return parsed(wanted, (given) => {
    const all: unknown[] = Array.isArray(given) ? given : [given];
    if (all.length > ENTRIES_MAX || all.some((each) => typeof each !== "string")) return undefined;
    return (all as string[]).map(parseValuePath);
  });
}

/** Names and what they stand for. */
function table<T>(wanted: string, read: (given: unknown) => T | undefined) {
  return parsed(wanted, (given): ReadonlyMap<string, T> | undefined => {
    if (typeof given !== "object" || given === null || Array.isArray(given)) return undefined;
    const entries = Object.entries(given as Record<string, unknown>);
    if (entries.length > ENTRIES_MAX) return undefined;
    const out = new Map<string, T>();
    for (const [key, value] of entries) {
      const found = read(value);
      if (found === undefined || key === "") return undefined;
      out.set(key, found);
    }
    return out;
  });
}

const status = z.strictObject({
  online: text("what a device says that is there").prefault("online"),
  offline: text("what is said of one that is not").prefault("offline"),
  path: path().optional(),
});

const topic = z
  .strictObject({
    pattern: pattern(),
    qos: qos().prefault(1),
    share: parsed("a group's name without / + #", (given) =>
      typeof given === "string" && /^[^/+#\0]+$/.test(given) ? given : undefined,
    ).optional(),
    payload: choice("auto", "number", "json", "sparkplug").prefault("auto"),
    source: text("a name").optional(),
    device: text("a name").optional(),
    metric: text("a name").optional(),
    tags: table('tags such as { site = "north" }', (given) =>
      typeof given === "string" && given !== "" ? given : undefined,
    ).prefault({}),
    values: paths().prefault([]),
    name: path().optional(),
    time: path().optional(),
    time_unit: choice(...TIME_UNITS).prefault("auto"),
    tag_paths: table('paths such as { line = "meta.line" }', (given) =>
      typeof given === "string" ? parseValuePath(given) : undefined,
    ).prefault({}),
    words: table("numbers such as { ON = 1, OFF = 0 }", (given) =>
      typeof given === "number" && Number.isFinite(given) ? given : undefined,
    ).prefault({}),
    separator: choice("_", ".").prefault("_"),
    retained: choice("with_time", "take", "ignore").prefault("with_time"),
    status: status.optional(),
  })
  .transform((given, context): TopicSettings => {
    const { tag_paths: tagPaths, time_unit: timeUnit, status: said, ...rest } = given;
    const { names } = given.pattern;
    const wrong = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
    const isNamed = given.metric !== undefined || names.has("metric");
    if (said === undefined && given.payload === "number" && !isNamed) {
      wrong("pattern", "wanted {metric} in it, or metric = beside it: the payload is only a number");
    }
    for (const name of ["source", "device", "metric"] as const) {
      if (given[name] !== undefined && names.has(name))
        wrong(name, `wanted only one of this and {${name}} in the pattern`);
    }
    const hasDevice = given.device ?? given.source ?? (names.has("device") || names.has("source"));
    if (said !== undefined && hasDevice === false)
      wrong("status", "wanted {device} in the pattern, or device = beside it");
    if (given.payload === "sparkplug") checkSparkplug(given, wrong);
    const { share, source, device, metric, name, time } = rest;
    return {
      ...{ ...rest, share, source, device, metric, name, time, tagPaths, timeUnit },
      status: said && { online: said.online, offline: said.offline, path: said.path },
    };
  });

/** What a Sparkplug message says itself, or would be torn apart by. */
function checkSparkplug(given: object, wrong: (key: string, message: string) => void): void {
  const { pattern: taken, ...others } = given as { pattern: TopicPattern };
  if (!taken.filter.startsWith(`${NAMESPACE}/`) || taken.names.size > 0) {
    wrong("pattern", `wanted topics of Sparkplug without captures, such as "${NAMESPACE}/#" or "${NAMESPACE}/GROUP/#"`);
  }
  for (const [key, value] of Object.entries(others)) {
    const isEmpty =
      value instanceof Map ? value.size === 0 : Array.isArray(value) ? value.length === 0 : value === undefined;
    if (!isEmpty && !SPARKPLUG_KEYS.has(key)) wrong(key, 'wanted none beside payload = "sparkplug"');
  }
}

/** Those that have a default, or may be set. */
const SPARKPLUG_KEYS = new Set(["qos", "payload", "time_unit", "separator", "retained"]);

const sparkplug = z
  .strictObject({
    host_id: parsed("an id without / + #, of at most 256 bytes", (given) =>
      typeof given === "string" && parseTopic(stateTopic(given)) !== undefined ? given : undefined,
    ).optional(),
    device_names: choice("short", "full").prefault("short"),
    reorder_timeout: durationMs(0, 3_600 * SECOND).prefault("2s"),
    rebirths: flag().prefault(true),
  })
  .transform((given): SparkplugSettings => {
    const { host_id: hostId, device_names: deviceNames, reorder_timeout: reorderMs, rebirths } = given;
    return { hostId, deviceNames, reorderMs, asksForRebirths: rebirths };
  });

const will = z
  .strictObject({
    topic: topicName(),
    payload: anyText("text").prefault("offline"),
    online: anyText("text").optional(),
    qos: qos().prefault(1),
    retain: flag().prefault(true),
  })
  .transform((given): WillSettings => ({ ...given, online: given.online }));

const broker = z
  .strictObject({
    url: brokerUrl(),
    username: text("a name").optional(),
    password: anyText("text").optional(),
    password_file: text("a path").optional(),
    client_id: parsed("1 to 256 characters", (given) =>
      typeof given === "string" && given.length > 0 && given.length <= 256 ? given : undefined,
    ).optional(),
    version: choice("5", "3.1.1").prefault("5"),
    ca_file: text("a path").optional(),
    cert_file: text("a path").optional(),
    key_file: text("a path").optional(),
    keepalive: durationMs(SECOND, 18 * 3_600 * SECOND).prefault("60s"),
    clean: flag().prefault(false),
    session_expiry: durationMs(SECOND, 3_650 * DAY).prefault("7d"),
    will: will.optional(),
    in_flight_max: integer(1, 65_535).prefault(10_000),
    payload_bytes_max: bytes(1, 16 * MIB).prefault("1MiB"),
    sparkplug: sparkplug.prefault({}),
    topics: z
      .array(topic, { error: "wanted tables [[mqtt.NAME.topics]], each with a pattern" })
      .min(1, { error: "wanted at least one table [[mqtt.NAME.topics]]" })
      .max(TOPICS_MAX, { error: `wanted at most ${TOPICS_MAX}` }),
  })
  .transform((given, context): Omit<BrokerSettings, "name"> => {
    const wrong = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
    const { password, password_file: passwordFile, cert_file: certFile, key_file: keyFile, ca_file: caFile } = given;
    if (password !== undefined && passwordFile !== undefined)
      wrong("password_file", "wanted only one of this and password");
    if ((certFile === undefined) !== (keyFile === undefined)) {
      wrong(certFile === undefined ? "key_file" : "cert_file", "wanted cert_file and key_file together");
    }
    given.topics.forEach(({ pattern: own }, i) => {
      const first = given.topics.slice(0, i).find((before) => before.pattern.takesAllOf(own));
      if (first === undefined) return;
      const message = `wanted it before ${JSON.stringify(first.pattern.text)}, which takes all of its topics: the first that matches does`;
      context.addIssue({ code: "custom", path: ["topics", i, "pattern"], message });
    });
    const { hostId } = given.sparkplug;
    const isSeen = ({ payload, pattern: taken }: TopicSettings) =>
      payload === "sparkplug" && taken.match(stateTopic(hostId!)) !== undefined;
    if (hostId !== undefined && !given.topics.some(isSeen)) {
      wrong(
        "sparkplug",
        `wanted a topic pattern with payload = "sparkplug" that takes ${stateTopic(hostId)}, as ${NAMESPACE}/# does`,
      );
    }
    return {
      ...{ url: given.url, username: given.username, password, passwordFile, clientId: given.client_id },
      ...{ version: given.version, caFile, certFile, keyFile, keepaliveMs: given.keepalive, clean: given.clean },
      ...{ sessionExpiryMs: given.session_expiry, will: given.will, inFlightMax: given.in_flight_max },
      ...{ payloadBytesMax: given.payload_bytes_max, topics: given.topics, sparkplug: given.sparkplug },
    };
  });

/** In the order of the file. */
export function mqttSettings() {
  return z.record(z.string(), broker).transform((given, context): BrokerSettings[] => {
    const brokers = Object.entries(given);
    for (const [name] of brokers) {
      if (BROKER_NAME.test(name)) continue;
      context.addIssue({ code: "custom", path: [name], message: "wanted a name of letters, digits, _ and -" });
    }
    if (brokers.length > BROKERS_MAX)
      context.addIssue({ code: "custom", message: `wanted at most ${BROKERS_MAX} brokers` });
    return brokers.map(([name, settings]) => ({ name, ...settings }));
  });
}
