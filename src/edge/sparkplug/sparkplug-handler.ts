/** A Sparkplug host on one connection to a broker: its timers, its STATE, and what it publishes. */
import type { Clock } from "../../model/clock.ts";
import type { OnDeviceEvent } from "../../model/device-event.ts";
import type { HostOutput, Publication } from "./host-output.ts";
import { deniesHost, hostBirth, hostDeath } from "./host-state.ts";
import type { SparkplugOptions } from "./options.ts";
import { SparkplugHost, type SparkplugMessage } from "./sparkplug-host.ts";
import { stateTopic } from "./topic.ts";

export interface SparkplugSettings extends SparkplugOptions {
  /** Of a primary host application, which edge nodes may wait for; undefined: it is none, and publishes no STATE. */
  readonly hostId: string | undefined;
}

export interface SparkplugDeps {
  readonly clock: Clock;
  readonly onDeviceEvent: OnDeviceEvent;
  /** Best effort: what cannot be published now is asked for again. */
  publish(publication: Publication): void;
  /** A sentence for the log; not more than {@link NOTICES_PER_MINUTE}. */
  onNotice(sentence: string): void;
}

export const NOTICES_PER_MINUTE = 20;

const TICK_MS = 1_000;

export class SparkplugHandler {
  readonly host: SparkplugHost;
  readonly #deps: SparkplugDeps;
  readonly #hostId: string | undefined;
  #connectMs: number | undefined;
  #wasConnected = false;
  #cancelTick: (() => void) | undefined;
  #minuteMs = -Infinity;
  #noticesInMinute = 0;

  constructor({ hostId, ...options }: SparkplugSettings, deps: SparkplugDeps) {
    this.host = new SparkplugHost(options);
    this.#hostId = hostId;
    this.#deps = deps;
  }

  /** Topics it needs beside those it is configured for. */
  get topics(): readonly string[] {
    return this.#hostId === undefined ? [] : [stateTopic(this.#hostId)];
  }

  /** The will of the connection that is about to be made, if it needs one. */
  connecting(): Publication | undefined {
    this.#connectMs = this.#deps.clock.nowMs();
    return this.#hostId === undefined ? undefined : hostDeath(this.#hostId, this.#connectMs);
  }

  /** The connection is there, and so are its subscriptions. */
  subscribed(): void {
    const { clock } = this.#deps;
    this.#publishBirth();
    // At first nothing is known that could be doubted.
    if (this.#wasConnected) this.#tell(this.host.reconnected(clock.nowMs(), clock.monotonicMs()));
    this.#wasConnected = true;
  }

  /** What to publish before the connection is closed in order. */
  leaving(): Publication | undefined {
    return this.#hostId === undefined ? undefined : hostDeath(this.#hostId, this.#deps.clock.nowMs());
  }

  /** Never throws. Points are the caller's to store, and counts its to add up; all else is done. */
  handle(message: SparkplugMessage): HostOutput {
    if (this.#hostId !== undefined && deniesHost(this.#hostId, message)) this.#publishBirth();
    const output = this.host.handle(message, this.#deps.clock.monotonicMs());
    this.#tell(output);
    return output;
  }

  close(): void {
    this.#cancelTick?.();
    this.#cancelTick = undefined;
  }

  #publishBirth(): void {
    if (this.#hostId === undefined || this.#connectMs === undefined) return;
    this.#deps.publish(hostBirth(this.#hostId, this.#connectMs));
  }

  #tell({ events, publications, notices }: HostOutput): void {
    for (const event of events) this.#deps.onDeviceEvent(event);
    for (const publication of publications) this.#deps.publish(publication);
    for (const notice of notices) this.#notice(notice);
    if (this.host.isWaiting) this.#cancelTick ??= this.#deps.clock.after(TICK_MS, () => this.#tick());
  }

  #tick(): void {
    const { clock } = this.#deps;
    this.#cancelTick = undefined;
    this.#tell(this.host.tick(clock.nowMs(), clock.monotonicMs()));
  }

  #notice(sentence: string): void {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#minuteMs >= 60_000) {
      const left = this.#noticesInMinute - NOTICES_PER_MINUTE;
      if (left > 0) this.#deps.onNotice(`${left} more sentences about Sparkplug were left out`);
      [this.#minuteMs, this.#noticesInMinute] = [nowMs, 0];
    }
    if (++this.#noticesInMinute <= NOTICES_PER_MINUTE) this.#deps.onNotice(sentence);
  }
}
