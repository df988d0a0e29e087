/** One connection to one broker, and the next one when it is lost. The library is loaded for the first. */
import { hostname } from "node:os";
import type { IPublishPacket, MqttClient } from "mqtt";
import { backoffMs } from "../../model/backoff.ts";
import type { Clock } from "../../model/clock.ts";
import { messageOf } from "../../model/errors.ts";
import { connectionFailure } from "./connection-failure.ts";
import { fingerprintOf, Session } from "./session.ts";
import type { BrokerSettings } from "./settings.ts";
import { Copies, type Subscription } from "./subscriptions.ts";
import type { ConnectedSession, Publication } from "./topic-handler.ts";

export interface Delivery {
  readonly packet: IPublishPacket;
  /**
   * It was delivered before: it came over a connection that was lost before the broker knew it acknowledged, or it comes by
   * another subscription, too.
   */
  readonly isRepeat: boolean;
  /** To be called once it is dealt with, in the order in which messages came. Nothing where its connection is gone: it comes again. */
  acknowledge(): void;
}

export interface ConnectionDeps {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  subscriptions: readonly Subscription[];
  /** The will of the next connection. */
  willOf(connectMs: number): Publication | undefined;
  /** Published before the connection is closed in order, and with it. */
  goodbyes(): readonly Publication[];
  /** False: no further message comes before {@link BrokerConnection.resume}. */
  onMessage(delivery: Delivery): boolean;
  onConnected(session: ConnectedSession): void;
  /** The broker grants no subscription to these. */
  onNotGranted(filters: readonly string[]): void;
  /** A connection was lost, or came to nothing. */
  onDown(reason: string, retryInMs: number): void;
}

interface Connected {
  readonly connectMs: number;
  readonly isResumed: boolean;
  /** The broker says by which subscriptions a message comes. */
  readonly isIdentified: boolean;
}

const BACKOFF = { firstMs: 1_000, maxMs: 60_000 };
/** A connection that lived shorter is one that failed: two clients of one id would throw each other out without a pause. */
const STEADY_MS = 10_000;
const CONNECT_TIMEOUT_MS = 30_000;
const GOODBYE_MS = 2_000;
/** Tells the library that it is not to acknowledge by itself. */
const LATER = new Error("acknowledged once it is durable");
const NOTHING = () => {};
const GRANTED_QOS_MAX = 2;
const TOPIC_BYTES_MAX = 65_535;
const SESSION_EXPIRY_S_MAX = 0xffff_ffff;

export class BrokerConnection {
  readonly #settings: BrokerSettings;
  readonly #deps: ConnectionDeps;
  #session: Session | undefined;
  #goOn: (() => void) | undefined;
  #cancelHold: (() => void) | undefined;
  /** Of connections that were lost, in the broker's session that goes on: by packet id, a fingerprint. */
  readonly #carried = new Map<number, number>();
  readonly #copies: Copies;
  #isFirst = true;
  #isStopped = false;
  #cancelWait: (() => void) | undefined;
  #running: Promise<void> | undefined;

  constructor(settings: BrokerSettings, deps: ConnectionDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#copies = new Copies(deps.subscriptions.filter(({ overlaps }) => overlaps));
  }

  start(): void {
    this.#running = this.#run();
  }

  get isConnected(): boolean {
    return this.#session?.client.connected === true;
  }

  /** After `onMessage` answered false. */
  resume(): void {
    this.#cancelHold?.();
    this.#cancelHold = undefined;
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }

  /** False: there is no connection, and nobody gets it. */
  publish({ topic, payload, qos, retain }: Publication): boolean {
    const client = this.#session?.client;
    if (client?.connected !== true) return false;
    client.publish(topic, Buffer.from(payload), { qos, retain }, () => {});
    return true;
  }

  /** No further message comes; acknowledgements still go. */
  stopTaking(): void {
    this.#isStopped = true;
  }

  /**
   * Says goodbye and disconnects, so that no will is published, once the broker has read what was acknowledged: one that is busy sending
   * finds the connection closed before it reads on, and sends all of it again. Resolves within seconds, or `graceMs` where that is longer.
   */
  async close(graceMs: number): Promise<void> {
    this.#isStopped = true;
    this.#cancelWait?.();
    this.#cancelHold?.();
    const client = this.#session?.client;
    if (client?.connected === true) {
      // Its answer is read only where nothing is held back; what else comes is for whoever connects next.
      this.resume();
      await this.#within(this.#session!.settled(), Math.max(graceMs, GOODBYE_MS));
      const said = Promise.all(
        this.#deps
          .goodbyes()
          .map(({ topic, payload, qos, retain }) => client.publishAsync(topic, Buffer.from(payload), { qos, retain })),
      );
      await this.#within(said.then(() => {}));
      await this.#within(client.endAsync(false));
    }
    client?.end(true);
    client?.stream.destroy();
    await this.#within(this.#running ?? Promise.resolve());
  }

  async #within(done: Promise<unknown>, ms = GOODBYE_MS): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancelTimer = this.#deps.clock.after(ms, resolve);
    await Promise.race([done.catch(() => {}), promise]);
    cancelTimer();
  }

  async #run(): Promise<void> {
    const { clock, random, onDown } = this.#deps;
    for (let failures = 0; !this.#isStopped;) {
      const startMs = clock.monotonicMs();
      let reason: string;
      try {
        reason = await this.#connectOnce();
      } catch (error) {
        reason = messageOf(error);
      }
      this.#session = undefined;
      this.#cancelHold?.();
      this.#goOn = undefined;
      if (this.#isStopped) return;
      failures = clock.monotonicMs() - startMs >= STEADY_MS ? 1 : failures + 1;
      const delayMs = backoffMs(failures, random(), BACKOFF);
      onDown(reason, delayMs);
      await new Promise<void>((resolve) => {
        const cancel = clock.after(delayMs, resolve);
        this.#cancelWait = () => {
          cancel();
          resolve();
        };
      });
    }
  }

  /** Resolves with why it ended. */
  async #connectOnce(): Promise<string> {
    const { clock } = this.#deps;
    const connectMs = clock.nowMs();
    const options = await this.#options(connectMs);
    const { connect } = await import("mqtt");
    if (this.#isStopped) return "stopped";
    const client = connect(options);
    const session = new Session(client, clock);
    this.#session = session;
    let reason: string | undefined;
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    client.on("error", (error) => {
      reason ??= connectionFailure(error);
      client.end(true);
    });
    client.on("disconnect", ({ reasonCode = 0 }) => {
      reason ??=
        reasonCode === 0x8e
          ? `another took its place: ${SAME_ID}`
          : `the broker ended the connection (0x${reasonCode.toString(16)})`;
    });
    let upSinceMs: number | undefined;
    client.on("close", () => {
      reason ??= upSinceMs === undefined ? "it closed the connection before it answered" : "the connection was lost";
      // Not every broker says why.
      const isBrief = upSinceMs !== undefined && clock.monotonicMs() - upSinceMs < STEADY_MS;
      if (isBrief && reason === "the connection was lost") reason += ` soon after it was made: ${SAME_ID}`;
      end();
    });
    client.handleMessage = (packet, done) => this.#take(session, packet, done);
    client.on("connect", ({ sessionPresent, properties }) => {
      upSinceMs = clock.monotonicMs();
      if (!sessionPresent) this.#carried.clear();
      // Before anything else is sent on it: what is subscribed to already is subscribed to again, since settings may have changed.
      const isIdentified = this.#settings.version === "5" && properties?.subscriptionIdentifiersAvailable !== false;
      void this.#subscribe(session, { connectMs, isResumed: sessionPresent, isIdentified }).catch((error: unknown) => {
        reason ??= messageOf(error);
        client.end(true);
      });
    });
    await ended;
    for (const [id, fingerprint] of session.unsettled()) this.#carried.set(id, fingerprint);
    return reason ?? "the connection was lost";
  }

  async #subscribe({ client }: Session, { connectMs, isResumed, isIdentified }: Connected): Promise<void> {
    const { subscriptions, onConnected, onNotGranted, clock } = this.#deps;
    const granted: Subscription[] = [];
    const subscribe = async (wanted: readonly Subscription[], qos: 0 | 1, identifier?: number) => {
      const answer = await subscribed(client, wanted, qos, identifier);
      granted.push(...answer);
    };
    const isOwn = ({ overlaps }: Subscription) => isIdentified && overlaps;
    for (const qos of [0, 1] as const) {
      const together = subscriptions.filter((each) => each.qos === qos && !isOwn(each));
      if (together.length > 0) await subscribe(together, qos);
    }
    // One after the other, so that nothing comes as a copy of what is not subscribed to yet.
    for (const each of subscriptions.filter(isOwn)) {
      await subscribe([each], each.qos, this.#copies.identify(each, granted.filter(isOwn)));
    }
    const missing = subscriptions.filter((each) => !granted.includes(each));
    if (missing.length > 0) onNotGranted(missing.map(({ filter }) => filter));
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    onConnected({ connectMs, nowMs: clock.monotonicMs(), isFirst, isResumed });
  }

  /** The library reads on once `done` is called; with an error it does not acknowledge. */
  #take(session: Session, packet: IPublishPacket, done: (error?: Error) => void): void {
    // Not acknowledged: it comes again to whoever connects next.
    if (this.#isStopped) return done(LATER);
    const { qos, messageId = 0, dup } = packet;
    // Of subscriptions that somebody else made for this client id: the library acknowledges it and waits until then.
    if (qos === 2) return void this.#deps.onMessage({ packet, isRepeat: false, acknowledge: () => done() });
    let isRepeat = this.#copies.isCopy(packet.topic, packet.properties?.subscriptionIdentifier);
    if (qos === 1) {
      const fingerprint = fingerprintOf(packet);
      // An id alone may be that of another message: a second client of our name may have acknowledged the first.
      isRepeat ||= dup && this.#carried.get(messageId) === fingerprint;
      this.#carried.delete(messageId);
      session.received(messageId, fingerprint);
    }
    const acknowledge = qos === 1 ? () => session.ack(messageId) : NOTHING;
    if (this.#deps.onMessage({ packet, isRepeat, acknowledge })) return done(LATER);
    this.#goOn = () => done(LATER);
    this.#keepAlive(session);
  }

  /** While it reads nothing, answers to its pings are not read either, and the library would take the broker for dead. */
  #keepAlive(session: Session): void {
    this.#cancelHold = this.#deps.clock.after(this.#settings.keepaliveMs / 4, () => {
      const { client } = session;
      if (!client.connected) return;
      client.reschedulePing(true);
      client.sendPing();
      this.#keepAlive(session);
    });
  }

  async #options(connectMs: number) {
    const { url, username, password, passwordFile, clientId, version, name, keepaliveMs, clean } = this.#settings;
    const { caFile, certFile, keyFile, sessionExpiryMs, inFlightMax, payloadBytesMax } = this.#settings;
    const [secret, ca, cert, key] = await Promise.all([passwordFile, caFile, certFile, keyFile].map(readText));
    const will = this.#deps.willOf(connectMs);
    const isSecure = url.protocol === "mqtts" || url.protocol === "wss";
    const login = password ?? secret?.trim();
    return {
      protocol: url.protocol,
      host: url.host,
      port: url.port,
      ...(url.path === "" ? {} : { path: url.path }),
      ...(username === undefined ? {} : { username }),
      ...(login === undefined ? {} : { password: login }),
      ...(isSecure ? { rejectUnauthorized: true, ...defined({ ca, cert, key }) } : {}),
      clientId: clientId ?? `watchpost-${hostname()}-${name}`,
      protocolVersion: version === "5" ? (5 as const) : (4 as const),
      keepalive: Math.round(keepaliveMs / 1_000),
      clean,
      reconnectPeriod: 0,
      resubscribe: false,
      connectTimeout: CONNECT_TIMEOUT_MS,
      // Its own is asked ten times for every message.
      log: () => {},
      ...(will === undefined ? {} : { will: { ...will, payload: Buffer.from(will.payload) } }),
      ...(version === "5"
        ? {
            properties: {
              sessionExpiryInterval: clean ? 0 : Math.min(SESSION_EXPIRY_S_MAX, Math.ceil(sessionExpiryMs / 1_000)),
              receiveMaximum: Math.min(inFlightMax, 65_535),
              // A larger message the broker drops by itself; what is a little too large is refused here, by name. Not more:
              // properties that a publisher adds are read by the library, at some 60 ms a megabyte.
              maximumPacketSize: 2 * payloadBytesMax + TOPIC_BYTES_MAX,
            },
          }
        : {}),
    };
  }
}

/** Those that the broker grants. */
async function subscribed(
  client: MqttClient,
  wanted: readonly Subscription[],
  qos: 0 | 1,
  subscriptionIdentifier?: number,
): Promise<Subscription[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Subscription[]>();
  const filters = wanted.map(({ filter }) => filter);
  const properties = subscriptionIdentifier === undefined ? {} : { properties: { subscriptionIdentifier } };
  // What is retained is sent where a subscription is new, or was lost with the session.
  client.subscribe(filters, { qos, rh: 1, ...properties }, (error, _, packet) => {
    if (packet === undefined) return reject(error ?? new Error("no answer to a subscription"));
    // In the order of the filters; its error is that of any of them.
    resolve(wanted.filter((_, i) => Number(packet.granted[i]) <= GRANTED_QOS_MAX));
  });
  return promise;
}

const SAME_ID = "does another client use the same client_id?";

function defined<T extends Record<string, string | undefined>>(given: T) {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

async function readText(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await Bun.file(path).text();
  } catch (error) {
    const { code } = error as { code?: unknown };
    throw new Error(`the file ${path} cannot be read: ${typeof code === "string" ? code : messageOf(error)}`, {
      cause: error,
    });
  }
}
