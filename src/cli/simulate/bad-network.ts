/** A network between clients and a server that is as bad as one says: TCP connections passed on, held up and cut. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { formatAddress, parseAddress } from "../../model/address.ts";
import {
  outagesOf,
  PERFECT_NETWORK,
  SEGMENT_BYTES,
  SegmentDelays,
  type NetworkConditions,
} from "../../simulate/network.ts";
import type { Random } from "../../simulate/random.ts";

/** In one direction of a connection: past it the sender waits, as TCP has it. */
const HELD_BYTES_MAX = 256 * 1024;
const TIMER_MS_MAX = 2 ** 31 - 1;

export interface BadNetwork {
  /** Where clients connect instead. */
  readonly address: string;
  /** From now on it is a good one. */
  heal(): void;
  close(): void;
}

export async function startBadNetwork(
  server: string,
  conditions: NetworkConditions,
  random: Random,
): Promise<BadNetwork> {
  const network = new Network(server, conditions, random);
  await network.listen();
  return network;
}

class Network implements BadNetwork {
  readonly #listener = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  readonly #server: { readonly host: string; readonly port: number };
  readonly #random: Random;
  readonly #outages: ReturnType<typeof outagesOf>;
  readonly #up: Link;
  readonly #down: Link;
  readonly #open = new Set<() => void>();
  readonly #directions = new Set<Direction>();
  #conditions: NetworkConditions;
  #isBroken = false;
  #connections = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #startedAtMs = performance.now();
  address = "";

  constructor(server: string, conditions: NetworkConditions, random: Random) {
    this.#server = parseAddress(server);
    this.#conditions = conditions;
    this.#random = random;
    this.#outages = outagesOf(conditions, random.split("outages"));
    [this.#up, this.#down] = [new Link(conditions.bytesPerSecond), new Link(conditions.bytesPerSecond)];
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#listener.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    this.address = formatAddress("127.0.0.1", (this.#listener.address() as AddressInfo).port);
    this.#awaitOutage();
  }

  heal(): void {
    clearTimeout(this.#timer);
    this.#isBroken = false;
    this.#conditions = PERFECT_NETWORK;
    for (const link of [this.#up, this.#down]) link.widen();
    for (const direction of this.#directions) direction.heal();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#listener.close();
    this.#cutAll();
  }

  #accept(client: Socket): void {
    client.on("error", () => {});
    if (this.#isBroken) return void client.destroy();
    const random = this.#random.split("connection").split(this.#connections++);
    const server = connect({ host: this.#server.host, port: this.#server.port, allowHalfOpen: true });
    client.setNoDelay(true);
    server.setNoDelay(true);
    const directions = [
      new Direction(client, server, this.#up, new SegmentDelays(this.#conditions, random.split("up"))),
      new Direction(server, client, this.#down, new SegmentDelays(this.#conditions, random.split("down"))),
    ];
    const cut = () => {
      this.#open.delete(cut);
      for (const direction of directions) {
        direction.close();
        this.#directions.delete(direction);
      }
      client.destroy();
      server.destroy();
    };
    this.#open.add(cut);
    for (const direction of directions) this.#directions.add(direction);
    let closed = 0;
    for (const [i, socket] of [client, server].entries()) {
      socket.on("error", cut).on("close", () => {
        // What came before an end in order still arrives; anything else is a cut.
        if (++closed === 2 || !directions[i].hasEnded) cut();
      });
    }
  }

  #cutAll(): void {
    for (const cut of [...this.#open]) cut();
  }

  #awaitOutage(): void {
    const next = this.#outages.next();
    if (next.done) return;
    const { startMs, endMs } = next.value;
    this.#at(startMs, () => {
      this.#isBroken = true;
      this.#cutAll();
      this.#at(endMs, () => {
        this.#isBroken = false;
        this.#awaitOutage();
      });
    });
  }

  #at(timeMs: number, run: () => void): void {
    const leftMs = timeMs - (performance.now() - this.#startedAtMs);
    this.#timer = setTimeout(
      () => (leftMs > TIMER_MS_MAX ? this.#at(timeMs, run) : run()),
      Math.min(TIMER_MS_MAX, Math.max(0, leftMs)),
    );
  }
}

/** What all connections share in one direction. */
class Link {
  #bytesPerMs: number;
  #freeAtMs = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1_000;
  }

  /** When the last of so many bytes has left. */
  leftAtMs(bytes: number, nowMs: number): number {
    return (this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + bytes / this.#bytesPerMs);
  }

  /** So many bytes that have not left never will. */
  giveBack(bytes: number): void {
    this.#freeAtMs -= bytes / this.#bytesPerMs;
  }

  widen(): void {
    this.#bytesPerMs = Infinity;
    this.#freeAtMs = 0;
  }
}

interface Held {
  readonly bytes: Buffer;
  readonly arrivesAtMs: number;
}

/** One direction of a connection: bytes arrive in order, each when its segment does. */
class Direction {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #link: Link;
  readonly #held: Held[] = [];
  #delays: SegmentDelays | undefined;
  #offset = 0;
  #heldBytes = 0;
  #lastMs = 0;
  /** All that will ever come has come. */
  hasEnded = false;
  #isBlocked = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(from: Socket, to: Socket, link: Link, delays: SegmentDelays) {
    this.#from = from;
    this.#to = to;
    this.#link = link;
    this.#delays = delays;
    from.on("data", (bytes: Buffer) => this.#take(bytes));
    from.on("end", () => {
      this.hasEnded = true;
      this.#deliver();
    });
    to.on("drain", () => {
      this.#isBlocked = false;
      this.#deliver();
    });
  }

  heal(): void {
    this.#delays = undefined;
    for (const [i, { bytes }] of this.#held.entries()) this.#held[i] = { bytes, arrivesAtMs: 0 };
    this.#lastMs = 0;
    this.#deliver();
  }

  /** What has not arrived is lost; the link is free for others. */
  close(): void {
    clearTimeout(this.#timer);
    this.#held.length = 0;
    this.#link.giveBack(this.#heldBytes);
    this.#heldBytes = 0;
  }

  #take(bytes: Buffer): void {
    const nowMs = performance.now();
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + SEGMENT_BYTES - (this.#offset % SEGMENT_BYTES));
      const delayMs = this.#delays?.delayMsAt(this.#offset) ?? 0;
      this.#lastMs = Math.max(this.#lastMs, this.#link.leftAtMs(end - at, nowMs) + delayMs);
      this.#held.push({ bytes: bytes.subarray(at, end), arrivesAtMs: this.#lastMs });
      this.#offset += end - at;
      at = end;
    }
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > HELD_BYTES_MAX) this.#from.pause();
    this.#deliver();
  }

  #deliver(): void {
    clearTimeout(this.#timer);
    if (this.#to.destroyed) {
      // Nobody is there to get it.
      this.#held.length = 0;
      this.#heldBytes = 0;
      if (this.#from.isPaused()) this.#from.resume();
      return;
    }
    const nowMs = performance.now();
    let due = 0;
    while (!this.#isBlocked && due < this.#held.length && this.#held[due].arrivesAtMs <= nowMs) {
      const { bytes } = this.#held[due++];
      this.#heldBytes -= bytes.length;
      this.#isBlocked = !this.#to.write(bytes);
    }
    this.#held.splice(0, due);
    if (this.#heldBytes <= HELD_BYTES_MAX / 2 && this.#from.isPaused()) this.#from.resume();
    const [next] = this.#held;
    if (next !== undefined) {
      if (!this.#isBlocked) this.#timer = setTimeout(() => this.#deliver(), Math.max(1, next.arrivesAtMs - nowMs));
    } else if (this.hasEnded) this.#to.end();
  }
}
