/** One connection to a broker, from its CONNECT to its end: what was received on it, and what the broker knows of that. */
import type { IPublishPacket, MqttClient } from "mqtt";
import type { Clock } from "../../model/clock.ts";

/**
 * A broker that loses the connection before it read an acknowledgement sends the message again. That it read one shows when it
 * answers a ping that was sent behind it, for packets are read in order: so long after an acknowledgement one is sent.
 */
const CONFIRM_AFTER_MS = 1_000;
const PUBACK = 0x40;

export class Session {
  readonly client: MqttClient;
  readonly #clock: Clock;
  /** By packet id, with a fingerprint: received and not acknowledged; acknowledged since the last ping; acknowledged before it. */
  readonly #open = new Map<number, number>();
  #acknowledged = new Map<number, number>();
  #pinged = new Map<number, number>();
  #pings = 0;
  #answers = 0;
  /** Which ping's answer is awaited for {@link #pinged}. */
  #awaited = 0;
  #isConfirming = false;
  readonly #acks: number[] = [];
  #isAcking = false;

  constructor(client: MqttClient, clock: Clock) {
    this.client = client;
    this.#clock = clock;
    client.on("packetsend", ({ cmd }) => {
      if (cmd === "pingreq") this.#pings++;
    });
    client.on("packetreceive", ({ cmd }) => {
      if (cmd === "pingresp") this.#answered();
    });
  }

  received(messageId: number, fingerprint: number): void {
    // A broker that gives an id anew has read the acknowledgement of what had it before.
    this.#acknowledged.delete(messageId);
    this.#pinged.delete(messageId);
    this.#open.set(messageId, fingerprint);
  }

  /** Acknowledges a message; those of one turn of the event loop are one write. Nothing where the connection is gone: it comes again. */
  ack(messageId: number): void {
    this.#acks.push(messageId);
    if (this.#isAcking) return;
    this.#isAcking = true;
    queueMicrotask(() => this.flush());
  }

  flush(): void {
    this.#isAcking = false;
    const ids = this.#acks.splice(0);
    if (ids.length === 0 || !this.client.connected) return;
    const bytes = Buffer.allocUnsafe(4 * ids.length);
    ids.forEach((id, i) => {
      this.#acknowledged.set(id, this.#open.get(id) ?? 0);
      this.#open.delete(id);
      bytes[4 * i] = PUBACK;
      bytes[4 * i + 1] = 2;
      bytes.writeUInt16BE(id, 4 * i + 2);
    });
    this.client.stream.write(bytes);
    this.#confirmLater();
  }

  /** Resolves once the broker has read all acknowledgements; never where the connection is lost before. */
  async settled(): Promise<void> {
    this.flush();
    if (this.#acknowledged.size + this.#pinged.size === 0 || !this.client.connected) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.client.sendPing();
    const awaited = this.#pings;
    this.client.on("packetreceive", () => this.#answers >= awaited && resolve());
    return promise;
  }

  /** What the broker may send again, by packet id, with a fingerprint. */
  *unsettled(): Iterable<[messageId: number, fingerprint: number]> {
    for (const each of [this.#pinged, this.#acknowledged, this.#open]) yield* each;
  }

  #confirmLater(): void {
    if (this.#isConfirming || this.#pinged.size > 0) return;
    this.#isConfirming = true;
    this.#clock.after(CONFIRM_AFTER_MS, () => {
      this.#isConfirming = false;
      if (!this.client.connected) return;
      this.#pinged = this.#acknowledged;
      this.#acknowledged = new Map();
      this.client.sendPing();
      this.#awaited = this.#pings;
    });
  }

  #answered(): void {
    if (++this.#answers < this.#awaited) return;
    this.#pinged.clear();
    if (this.#acknowledged.size > 0) this.#confirmLater();
  }
}

export function fingerprintOf({ topic, payload }: IPublishPacket): number {
  return Bun.hash.xxHash32(payload, Bun.hash.xxHash32(topic));
}
