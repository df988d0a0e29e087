/** Whether notifications get to a receiver, by sending it one that says it is a test. */
import { WatchpostError } from "../../model/errors.ts";
import { closestName } from "../../model/closest-name.ts";
import type { NotifySetup } from "../nobody.ts";
import type { ChannelConfig } from "./channel-config.ts";
import { keepsWhatItIsTold } from "./channel-target.ts";
import { deliver, DELIVERY_POLICY, type DeliveryAttempt, type DeliveryDeps } from "./delivery.ts";
import type { ReceiverConfig } from "./receiver-config.ts";
import type { Receiver, ReceiverDeps } from "./receiver.ts";
import { Slots } from "./slots.ts";
import { TestLimit } from "./test-limit.ts";
import { testNotifications } from "./test-notification.ts";

export interface ChannelTest {
  readonly channel: string;
  readonly isSent: boolean;
  /** "delivered", or what went wrong; no secrets. */
  readonly outcome: string;
  readonly durationMs: number;
}

export interface AskedTest {
  readonly name: string;
  /** "": all of them. */
  readonly channel: string;
  /** Who wants it. */
  readonly by: string;
}

export interface ReceiverTestsDeps extends ReceiverDeps {
  readonly newId: () => string;
  onAttempt(groupKey: string, attempt: DeliveryAttempt, by: string): void;
}

interface TestedChannel {
  readonly receiver: Receiver;
  readonly config: ChannelConfig;
}

type TestNotifications = ReturnType<typeof testNotifications>;

/** Who does not get an answer in one attempt wants to know. */
const ONCE = { ...DELIVERY_POLICY, attemptsMax: 1 };

export class ReceiverTests {
  readonly #deps: ReceiverTestsDeps;
  readonly #limit = new TestLimit();
  readonly #closing = new AbortController();

  constructor(deps: ReceiverTestsDeps) {
    this.#deps = deps;
  }

  /**
   * Sends to all channels of a receiver at the same time, or to one, once; resolves with what came of it. What the other side
   * keeps open is over right after it. Rejects with NOT_FOUND, and with RESOURCE_EXHAUSTED where it is too often.
   */
  async run(
    { name, channel, by }: AskedTest,
    { receivers: configs, config: { externalUrl } }: Pick<NotifySetup, "receivers" | "config">,
    opened: ReadonlyMap<string, readonly Receiver[]>,
    signal: AbortSignal,
  ): Promise<ChannelTest[]> {
    const { clock, newId } = this.#deps;
    const tested = testedChannels(name, channel, configs, opened);
    this.#limit.take(name, clock.monotonicMs());
    const told = testNotifications({ receiver: name, id: newId(), by, externalUrl, nowMs: clock.nowMs() });
    const either = AbortSignal.any([signal, this.#closing.signal]);
    return Promise.all(tested.map((each) => this.#send(each, told, by, either)));
  }

  /** Ends those that are under way. */
  close(): void {
    this.#closing.abort();
  }

  async #send(tested: TestedChannel, told: TestNotifications, by: string, signal: AbortSignal): Promise<ChannelTest> {
    const { receiver, config } = tested;
    const { clock, random, onAttempt } = this.#deps;
    const { channel } = receiver;
    const startedMs = clock.monotonicMs();
    // Slots of its own: what waits for a turn says nothing of whether the other side answers.
    const deps: DeliveryDeps = {
      ...{ clock, random, slots: new Slots(1), policy: ONCE },
      onAttempt: (attempt) => onAttempt(told.firing.groupKey, attempt, by),
    };
    const sent = await deliver(receiver, told.firing, deps, { signal });
    const durationMs = clock.monotonicMs() - startedMs;
    const isSent = sent.kind === "delivered";
    if (!isSent || !keepsWhatItIsTold(config)) return { channel, isSent, outcome: sent.outcome, durationMs };
    const ended = await deliver({ ...receiver, sendResolved: true }, told.resolved, deps, { signal });
    const isEnded = ended.kind === "delivered";
    const outcome = isEnded ? sent.outcome : `delivered, but not that the test is over: ${ended.outcome}`;
    return { channel, isSent: isEnded, outcome, durationMs };
  }
}

/** Throws NOT_FOUND with the closest name, FAILED_PRECONDITION for a receiver without channels. */
function testedChannels(
  name: string,
  channel: string,
  configs: readonly ReceiverConfig[],
  receivers: ReadonlyMap<string, readonly Receiver[]>,
): TestedChannel[] {
  const config = configs.find((one) => one.name === name);
  if (config === undefined) {
    const names = configs.map((one) => one.name);
    throw new WatchpostError("NOT_FOUND", `there is no receiver ${JSON.stringify(name)}${hintOf(name, names)}`);
  }
  const all = (receivers.get(name) ?? []).map((receiver, i) => ({ receiver, config: config.channels[i] }));
  if (all.length === 0) {
    const said = `the receiver ${JSON.stringify(name)} has no channels: what it is told is dropped`;
    throw new WatchpostError("FAILED_PRECONDITION", said);
  }
  const tested = all.filter(({ receiver }) => channel === "" || receiver.channel === channel);
  if (tested.length > 0) return tested;
  const said = `the receiver ${JSON.stringify(name)} has no channel ${JSON.stringify(channel)}`;
  const channels = all.map(({ receiver }) => receiver.channel);
  throw new WatchpostError("NOT_FOUND", `${said}; it has ${channels.join(", ")}`);
}

function hintOf(name: string, names: readonly string[]): string {
  if (names.length === 0) return ": the server's rules file names none";
  const closest = closestName(name, names);
  return closest === undefined ? "" : `; did you mean ${closest}?`;
}
