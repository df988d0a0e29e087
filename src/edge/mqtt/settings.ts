/** What is set of MQTT brokers, as the configuration gives it. */
import type { SparkplugSettings } from "../sparkplug/options.ts";
import type { TimeUnit } from "./message-time.ts";
import type { TopicPattern } from "./topic-pattern.ts";
import type { ValuePath } from "./value-path.ts";

export interface BrokerSettings {
  readonly name: string;
  readonly url: BrokerUrl;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Read for every connection, so that a changed one is in force with the next. */
  readonly passwordFile: string | undefined;
  /** Undefined: of the machine's and the broker's name. */
  readonly clientId: string | undefined;
  readonly version: "5" | "3.1.1";
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly keepaliveMs: number;
  /** Whether the broker forgets us once we are away. */
  readonly clean: boolean;
  /** How long it keeps messages for us; in 3.1.1 that is for the broker to say. */
  readonly sessionExpiryMs: number;
  readonly will: WillSettings | undefined;
  /** Messages that are received and not acknowledged yet. */
  readonly inFlightMax: number;
  readonly payloadBytesMax: number;
  readonly topics: readonly TopicSettings[];
  /** Of topics whose payloads are. */
  readonly sparkplug: SparkplugSettings;
}

export interface BrokerUrl {
  readonly protocol: "mqtt" | "mqtts" | "ws" | "wss";
  readonly host: string;
  readonly port: number;
  /** Of WebSockets. */
  readonly path: string;
  /** Scheme, host and port, for people. */
  readonly shown: string;
}

export interface WillSettings {
  readonly topic: string;
  readonly payload: string;
  /** Published to the same topic once connected; undefined: nothing is. */
  readonly online: string | undefined;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

export interface TopicSettings {
  readonly pattern: TopicPattern;
  readonly qos: 0 | 1;
  /** Of a shared subscription. */
  readonly share: string | undefined;
  readonly payload: PayloadKind;
  readonly source: string | undefined;
  readonly device: string | undefined;
  readonly metric: string | undefined;
  readonly tags: ReadonlyMap<string, string>;
  /** Empty: every number in the message. */
  readonly values: readonly ValuePath[];
  readonly name: ValuePath | undefined;
  readonly time: ValuePath | undefined;
  readonly timeUnit: TimeUnit;
  readonly tagPaths: ReadonlyMap<string, ValuePath>;
  /** Text that stands for a number. */
  readonly words: ReadonlyMap<string, number>;
  /** Between the parts of a metric name. */
  readonly separator: "_" | ".";
  readonly retained: RetainedPolicy;
  readonly status: StatusSettings | undefined;
}

export type PayloadKind = "auto" | "number" | "json" | "sparkplug";

/**
 * What the broker kept and sends to whoever subscribes. "with_time": taken where the message says its time, for then it is the
 * reading that it was; without one it would be stored as new with every subscription, however long its device has been silent.
 */
export type RetainedPolicy = "with_time" | "take" | "ignore";

/** Of topics on which devices, or the broker for them, say whether they are there. */
export interface StatusSettings {
  readonly online: string;
  readonly offline: string;
  /** Where that stands in a JSON message; undefined: it is the message. */
  readonly path: ValuePath | undefined;
}
