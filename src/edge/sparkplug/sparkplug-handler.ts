/** A Sparkplug host as the handler of a broker's topics: what comes on them, and the STATE of a primary host application. */
import type { ConnectedSession, Handled, IncomingMessage, Publication, TopicHandler } from "../mqtt/topic-handler.ts";
import type { HostOutput } from "./host-output.ts";
import { deniesHost, hostBirth, hostDeath } from "./host-state.ts";
import type { SparkplugSettings } from "./options.ts";
import { SparkplugHost } from "./sparkplug-host.ts";

/** One for all Sparkplug topics of a broker. */
export class SparkplugHandler implements TopicHandler {
  readonly host: SparkplugHost;
  readonly #hostId: string | undefined;
  /** Of the connection that is there. */
  #connectMs = 0;

  constructor({ hostId, ...options }: SparkplugSettings) {
    this.host = new SparkplugHost(options);
    this.#hostId = hostId;
  }

  handle(message: IncomingMessage, nowMs: number): Handled {
    const hostId = this.#hostId;
    // The will of an earlier session came late, or somebody else says so.
    if (hostId !== undefined && deniesHost(hostId, message)) {
      return { publications: [hostBirth(hostId, this.#connectMs)] };
    }
    return handled(this.host.handle(message, nowMs));
  }

  /** Births are not kept for us while we are away, however long the broker keeps our session. */
  connected({ connectMs, nowMs, isFirst }: ConnectedSession): Handled {
    this.#connectMs = connectMs;
    const births = this.#hostId === undefined ? [] : [hostBirth(this.#hostId, connectMs)];
    if (isFirst) return { publications: births };
    const output = handled(this.host.reconnected(connectMs, nowMs));
    return { ...output, publications: [...births, ...(output.publications ?? [])] };
  }

  tick(wallMs: number, nowMs: number): Handled {
    return this.host.isWaiting ? handled(this.host.tick(wallMs, nowMs)) : {};
  }

  will(connectMs: number): Publication | undefined {
    return this.#hostId === undefined ? undefined : hostDeath(this.#hostId, connectMs);
  }

  goodbye(wallMs: number): readonly Publication[] {
    return this.#hostId === undefined ? [] : [hostDeath(this.#hostId, wallMs)];
  }
}

function handled({ points, events, publications, malformed, leftOut, notices }: HostOutput): Handled {
  return { points, events, publications, leftOut, notices, ...(malformed === undefined ? {} : { malformed }) };
}
