/** One broker: what comes from it goes through its pattern's handler into the inbox, and is acknowledged once it is durable. */
import type { IPublishPacket } from "mqtt";
import type { Clock } from "../../model/clock.ts";
import type { DeviceEvent, OnDeviceEvent } from "../../model/device-event.ts";
import { messageOf, truncated } from "../../model/errors.ts";
import type { IncomingPoint, TakePoints } from "../../model/incoming-point.ts";
import type { Logger } from "../../model/logger.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import { BrokerConnection, type Delivery } from "./broker-connection.ts";
import { Inbox, type Received, type Stored } from "./inbox.ts";
import { LogSamples } from "./log-samples.ts";
import type { BrokerSettings } from "./settings.ts";
import { arrivalStamps } from "./stamps.ts";
import { subscriptionsOf } from "./subscriptions.ts";
import { TopicCounts } from "./topic-counts.ts";
import type { ConnectedSession, Handled, Publication, TopicHandler } from "./topic-handler.ts";
import { TopicRouter } from "./topic-router.ts";

export type BridgeMetrics = Pick<
  Metrics,
  "mqttMessages" | "mqttMalformed" | "mqttPoints" | "mqttConnected" | "mqttHeldBack"
>;

export interface BridgeDeps {
  readonly takePoints: TakePoints;
  readonly onDeviceEvent: OnDeviceEvent;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: BridgeMetrics;
  random(): number;
  defer(run: () => void): void;
}

/** In place of a pattern's position. */
const [UNMATCHED, REPEATED] = [-1, -2];
/** What is captured of it may be in every point of a message. */
const TOPIC_LENGTH_MAX = 4_096;
const TICK_MS = 1_000;
const NO_POINTS: readonly IncomingPoint[] = [];
/** Between two lines that say that points cannot be stored. */
const HELD_BACK_SAID_MS = 30_000;
const UTF8 = new TextEncoder();

export class Bridge {
  readonly settings: BrokerSettings;
  /** One a topic pattern, in their order. */
  readonly counts: readonly TopicCounts[];
  readonly handlers: readonly TopicHandler[];
  readonly #deps: BridgeDeps;
  readonly #router: TopicRouter;
  readonly #inbox: Inbox;
  readonly #connection: BrokerConnection;
  readonly #samples: LogSamples;
  readonly #stampUs: () => number;
  #cancelTick: (() => void) | undefined;
  #saidHeldBackMs = -Infinity;

  isConnected = false;
  /** Since when it is connected, or not; Unix milliseconds. */
  sinceMs: number;
  /** Connections since the start. */
  connects = 0;
  /** Why there is no connection, or why the last one ended. */
  lastError = "";
  lastErrorMs = 0;
  /** Messages that no pattern takes, without our own status: what filters bring beyond patterns, or a subscription of earlier settings. */
  unmatched = 0;

  constructor(settings: BrokerSettings, handlers: readonly TopicHandler[], deps: BridgeDeps) {
    const { takePoints, clock, logger, random, defer } = deps;
    this.settings = settings;
    this.handlers = handlers;
    this.#deps = deps;
    this.sinceMs = clock.nowMs();
    this.counts = settings.topics.map(() => new TopicCounts());
    this.#router = new TopicRouter(settings.topics.map(({ pattern }) => pattern));
    this.#samples = new LogSamples(logger, clock, settings.name);
    this.#stampUs = arrivalStamps(clock);
    this.#inbox = new Inbox(
      { messagesMax: settings.inFlightMax },
      {
        ...{ takePoints, clock, random, defer },
        onStored: (stored) => this.#count(stored),
        onHeldBack: (error, delayMs) => this.#heldBack(error, delayMs),
        onRoom: () => this.#connection.resume(),
      },
    );
    this.#connection = new BrokerConnection(settings, {
      ...{ clock, random, subscriptions: subscriptionsOf(settings.topics) },
      willOf: (connectMs) => this.#willOf(connectMs),
      goodbyes: () => this.#goodbyes(),
      onMessage: (delivery) => this.#onMessage(delivery),
      onConnected: (session) => this.#onConnected(session),
      onNotGranted: (filters) => this.#onNotGranted(filters),
      onDown: (reason, retryInMs) => this.#onDown(reason, retryInMs),
    });
  }

  /** Messages received and not stored yet. */
  get inFlight(): number {
    return this.#inbox.messages;
  }

  start(): void {
    this.#deps.metrics.mqttConnected.set({ broker: this.settings.name }, 0);
    this.#connection.start();
    this.#tickLater();
  }

  /** Takes nothing more, stores and acknowledges what is in flight within `graceMs`, and disconnects so that no will is published. */
  async close(graceMs: number): Promise<void> {
    this.#cancelTick?.();
    this.#connection.stopTaking();
    const untilMs = this.#deps.clock.monotonicMs() + graceMs;
    await this.#inbox.close(graceMs);
    await this.#connection.close(untilMs - this.#deps.clock.monotonicMs());
    this.#setConnected(false);
  }

  #onMessage({ packet, isRepeat, acknowledge }: Delivery): boolean {
    // What it gave is in the inbox or stored; without a time of its own it would be another point now.
    if (isRepeat) this.#inbox.add({ points: NO_POINTS, bytes: 0, topic: REPEATED, onStored: acknowledge });
    else this.#take(packet, acknowledge);
    return !this.#inbox.isFull;
  }

  #take(packet: IPublishPacket, acknowledge: () => void): void {
    const { points = NO_POINTS, events, topic } = this.#handle(packet);
    const bytes = packet.topic.length + packet.payload.length;
    this.#inbox.add({ points, bytes, topic, ...this.#settling(events), onStored: acknowledge });
  }

  /** Events are told once the points before them are stored, all at once and in order. */
  #settling(events: readonly DeviceEvent[] = []): Pick<Received, "settle"> {
    if (events.length === 0) return {};
    return { settle: () => Promise.all(events.map((event) => this.#tell(event))) };
  }

  /** A defect costs the event, and not the messages behind it. */
  async #tell(event: DeviceEvent): Promise<void> {
    try {
      await this.#deps.onDeviceEvent(event);
    } catch (error) {
      this.#samples.say(
        "event",
        { device: event.device },
        `the ${event.kind} of a device is not taken: ${messageOf(error)}`,
      );
    }
  }

  #handle({ topic, payload: given, qos, retain }: IPublishPacket): Handled & { topic: number } {
    const { clock } = this.#deps;
    const { index, captures, isSubscribed } = this.#router.route(topic);
    const receivedMs = clock.nowMs();
    const payload = typeof given === "string" ? UTF8.encode(given) : given;
    if (index < 0) {
      if (topic === this.settings.will?.topic) return { topic: UNMATCHED };
      this.unmatched++;
      if (!isSubscribed) this.#samples.say("unmatched", { topic }, "a message came that no topic pattern takes");
      return { topic: UNMATCHED };
    }
    const counts = this.counts[index];
    counts.messages++;
    counts.lastMessageMs = receivedMs;
    const message = { topic, captures, payload, qos, retain, receivedMs, stampUs: this.#stampUs() };
    const handled = this.#handledBy(index, message);
    if (handled.malformed !== undefined) {
      counts.malform(handled.malformed, receivedMs);
      const pattern = this.settings.topics[index].pattern.text;
      this.#deps.metrics.mqttMalformed.inc({ broker: this.settings.name, pattern });
      const fields = { topic, payload: shownPayload(payload), bytes: payload.length };
      this.#samples.say(`malformed ${index}`, fields, `a message cannot be taken: ${handled.malformed}`);
    }
    this.#attend(index, handled);
    return { ...handled, topic: index };
  }

  #handledBy(index: number, message: Parameters<TopicHandler["handle"]>[0]): Handled {
    const { payloadBytesMax } = this.settings;
    const { topic, payload } = message;
    const { length } = payload;
    if (topic.length > TOPIC_LENGTH_MAX) {
      return { malformed: `its topic has ${topic.length} characters; wanted at most ${TOPIC_LENGTH_MAX}` };
    }
    if (length > payloadBytesMax) return { malformed: `it has ${length} bytes; wanted at most ${payloadBytesMax}` };
    try {
      return this.handlers[index].handle(message, this.#deps.clock.monotonicMs());
    } catch (error) {
      return { malformed: `it met a defect: ${messageOf(error)}` };
    }
  }

  /** What a handler wants done besides its points and events. */
  #attend(index: number, { leftOut, notices, publications }: Handled): void {
    if (leftOut !== undefined) this.counts[index].leaveOut(leftOut);
    for (const notice of notices ?? []) {
      const text = truncated(notice, 400);
      this.counts[index].failed(text, this.#deps.clock.nowMs());
      this.#samples.say(`notice ${index}`, { pattern: this.settings.topics[index].pattern.text }, text);
    }
    for (const publication of publications ?? []) this.#connection.publish(publication);
  }

  /** Of a handler without a message. */
  #takeOwn(index: number, handled: Handled | undefined): void {
    if (handled === undefined) return;
    this.#attend(index, handled);
    const { points = NO_POINTS, events = [] } = handled;
    if (points.length === 0 && events.length === 0) return;
    this.#inbox.add({ points, bytes: 0, topic: index, ...this.#settling(events), onStored: () => {} });
  }

  #count({ received, taken }: Stored): void {
    const { metrics, clock } = this.#deps;
    const broker = this.settings.name;
    const sums = new Map<number, { messages: number; points: number }>();
    const startOf: number[] = [];
    let at = 0;
    for (const { topic, points } of received) {
      startOf.push(at);
      at += points.length;
      if (topic === REPEATED) continue;
      const sum = sums.get(topic) ?? { messages: 0, points: 0 };
      sums.set(topic, { messages: sum.messages + 1, points: sum.points + points.length });
    }
    // The first refusals say whose they are; the others are counted with the last of these.
    const { refused, refusedTotal } = taken;
    refused.forEach(({ index, reason }, i) => {
      const owner = received[lastAtMost(startOf, index)];
      const sum = sums.get(owner.topic)!;
      const count = i === refused.length - 1 ? refusedTotal - i : 1;
      sum.points -= count;
      if (owner.topic < 0) return;
      this.counts[owner.topic].refuse(reason, count, clock.nowMs());
      const pattern = this.settings.topics[owner.topic].pattern.text;
      metrics.mqttPoints.inc({ broker, pattern, result: "refused" }, count);
      this.#samples.say(`refused ${owner.topic}`, { pattern }, `a point is refused: ${reason}`);
    });
    for (const [topic, { messages, points }] of sums) {
      const pattern = this.settings.topics[topic]?.pattern.text ?? "";
      metrics.mqttMessages.inc({ broker, pattern }, messages);
      if (topic < 0) continue;
      const kept = Math.max(points, 0);
      this.counts[topic].points += kept;
      metrics.mqttPoints.inc({ broker, pattern, result: "stored" }, kept);
    }
  }

  #heldBack(error: Error, delayMs: number): void {
    const { clock, logger, metrics } = this.#deps;
    metrics.mqttHeldBack.inc({ broker: this.settings.name });
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#saidHeldBackMs < HELD_BACK_SAID_MS) return;
    this.#saidHeldBackMs = nowMs;
    const fields = { broker: this.settings.name, inFlight: this.inFlight, retryInMs: Math.round(delayMs) };
    logger.warn(fields, `MQTT: points cannot be stored, so the broker is held back until they can: ${error.message}`);
  }

  #willOf(connectMs: number): Publication | undefined {
    const { will } = this.settings;
    const configured = will && { ...will, payload: UTF8.encode(will.payload) };
    const own = this.handlers.map((handler) => handler.will?.(connectMs)).filter((each) => each !== undefined);
    const { topic, payload, qos, retain } = own.at(-1) ?? configured ?? NO_WILL;
    return topic === "" ? undefined : { topic, payload, qos, retain };
  }

  #goodbyes(): Publication[] {
    const { will } = this.settings;
    const own = this.handlers.flatMap((handler) => handler.goodbye?.(this.#deps.clock.nowMs()) ?? []);
    if (will?.online === undefined) return own;
    const { topic, payload, qos, retain } = will;
    return [...own, { topic, payload: UTF8.encode(payload), qos, retain }];
  }

  #onConnected(session: ConnectedSession): void {
    const { logger } = this.#deps;
    const { name, url, will } = this.settings;
    this.connects++;
    this.#setConnected(true);
    const fields = { broker: name, url: url.shown, resumed: session.isResumed };
    logger.info(fields, `MQTT: connected to ${name}`);
    if (will?.online !== undefined) {
      const { topic, online, qos, retain } = will;
      this.#connection.publish({ topic, payload: UTF8.encode(online), qos, retain });
    }
    this.handlers.forEach((handler, i) => this.#takeOwn(i, handler.connected?.(session)));
  }

  #onDown(reason: string, retryInMs: number): void {
    const { logger, clock } = this.#deps;
    const isNews = this.isConnected || reason !== this.lastError;
    this.#setConnected(false);
    this.lastError = reason;
    this.lastErrorMs = clock.nowMs();
    const { name, url } = this.settings;
    const fields = { broker: name, url: url.shown, retryInMs: Math.round(retryInMs) };
    const text = `MQTT: no connection to ${name}: ${reason}; it is tried again`;
    if (isNews) logger.warn(fields, text);
    else logger.debug(fields, text);
  }

  #onNotGranted(filters: readonly string[]): void {
    this.lastError = `the broker does not grant ${filters.map((filter) => JSON.stringify(filter)).join(", ")}`;
    this.lastErrorMs = this.#deps.clock.nowMs();
    this.#deps.logger.error(
      { broker: this.settings.name, filters },
      `MQTT: ${this.lastError}: is it allowed to read them?`,
    );
  }

  #setConnected(isConnected: boolean): void {
    if (isConnected !== this.isConnected) this.sinceMs = this.#deps.clock.nowMs();
    this.isConnected = isConnected;
    this.#deps.metrics.mqttConnected.set({ broker: this.settings.name }, isConnected ? 1 : 0);
  }

  #tickLater(): void {
    const { clock } = this.#deps;
    if (this.handlers.every(({ tick }) => tick === undefined)) return;
    this.#cancelTick = clock.after(TICK_MS, () => {
      if (this.isConnected) {
        this.handlers.forEach((each, i) => this.#takeOwn(i, each.tick?.(clock.nowMs(), clock.monotonicMs())));
      }
      this.#tickLater();
    });
  }
}

const NO_WILL: Publication = { topic: "", payload: new Uint8Array(), qos: 0, retain: false };
const SAMPLE_BYTES_MAX = 200;

/** For a log: the beginning, with what is no text as escapes. */
function shownPayload(payload: Uint8Array): string {
  const text = new TextDecoder().decode(payload.subarray(0, SAMPLE_BYTES_MAX));
  return payload.length > SAMPLE_BYTES_MAX ? `${text}…` : text;
}

/** Position of the last of the ascending `starts` that is at most `value`. */
function lastAtMost(starts: readonly number[], value: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
