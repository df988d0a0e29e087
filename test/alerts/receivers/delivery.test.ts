/** Attempts, waits and ends on a simulated clock, with receivers that do what a test says. */
import { expect, test } from "bun:test";
import type { Notification } from "../../../src/alerts/notify/notification.ts";
import { refused, tryAgain } from "../../../src/alerts/receivers/delivery-error.ts";
import { DELIVERY_POLICY } from "../../../src/alerts/receivers/delivery.ts";
import type { Receiver, SendOptions } from "../../../src/alerts/receivers/receiver.ts";
import { retryAfterMs } from "../../../src/model/retry-after-ms.ts";
import { alertOf, notificationOf, NOON_MS, RESOLVED_ALERT } from "./notifications.ts";
import { Rig, until } from "./rig.ts";

type Send = (notification: Notification, options: SendOptions) => Promise<void>;

function receiverOf(send: Send, changes: Partial<Receiver> = {}): Receiver {
  return {
    name: "ops",
    channel: "test",
    sendResolved: true,
    timeoutMs: 10_000,
    send,
    close: async () => {},
    ...changes,
  };
}

const never: Send = (_, { signal }) =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

test("what fails twice and is taken then is told attempt by attempt, with doubled waits of half by chance", async () => {
  const rig = new Rig();
  const receiver = receiverOf(async (_, { attempt }) => {
    if (attempt < 3) throw tryAgain(`no, ${attempt}`);
  });
  expect(await rig.deliver(receiver, notificationOf())).toEqual({
    kind: "delivered",
    attempts: 3,
    outcome: "delivered",
  });
  const common = { receiver: "ops", channel: "test", durationMs: 0 };
  expect(rig.attempts).toEqual([
    { ...common, attempt: 1, isDelivered: false, outcome: "no, 1", retryInMs: 750 },
    { ...common, attempt: 2, isDelivered: false, outcome: "no, 2", retryInMs: 1_500 },
    { ...common, attempt: 3, isDelivered: true, outcome: "delivered", retryInMs: null },
  ]);
  expect(rig.clock.timers).toBe(0);
});

test("what is refused for good is not tried again", async () => {
  const rig = new Rig();
  const receiver = receiverOf(async () => {
    throw refused("404");
  });
  expect(await rig.deliver(receiver, notificationOf())).toEqual({ kind: "failed", attempts: 1, outcome: "404" });
  expect(rig.attempts.map(({ retryInMs }) => retryInMs)).toEqual([null]);
});

test("attempts end with their number, and with the time for all of them", async () => {
  const failing = receiverOf(async () => {
    throw tryAgain("503");
  });
  const few = new Rig();
  const byNumber = await few.deliver(failing, notificationOf(), { ...DELIVERY_POLICY, attemptsMax: 3 });
  expect(byNumber).toEqual({ kind: "failed", attempts: 3, outcome: "503" });

  const short = new Rig();
  const byTime = await short.deliver(failing, notificationOf(), { ...DELIVERY_POLICY, totalMs: 5_000 });
  // 750, 1,500 and 3,000 ms: the third wait would end after the time is up.
  expect(byTime).toEqual({ kind: "failed", attempts: 3, outcome: "503" });
  expect(short.clock.monotonicMs()).toBe(2_250);
});

test("a receiver that asks to wait is given that time, within bounds", async () => {
  const rig = new Rig();
  const asked = [5_000, 3_600_000];
  const receiver = receiverOf(async () => {
    const askedMs = asked.shift();
    if (askedMs !== undefined) throw tryAgain("429", askedMs);
  });
  expect((await rig.deliver(receiver, notificationOf())).kind).toBe("delivered");
  expect(rig.attempts.map(({ retryInMs }) => retryInMs)).toEqual([5_000, DELIVERY_POLICY.retryAfterMaxMs, null]);
});

test("Retry-After is seconds or a date, and nothing else", () => {
  expect(retryAfterMs("120", NOON_MS)).toBe(120_000);
  expect(retryAfterMs("Sat, 31 Jan 2026 12:00:30 GMT", NOON_MS)).toBe(30_000);
  expect(retryAfterMs("Sat, 31 Jan 2026 11:00:30 GMT", NOON_MS)).toBe(0);
  for (const text of ["", "-1", "soon", "1e9", "99999999999", "in 5"])
    expect(retryAfterMs(text, NOON_MS)).toBeUndefined();
  expect(retryAfterMs(null, NOON_MS)).toBeUndefined();
});

test("an attempt that hangs is cut off when its time is up, even where the receiver does not heed it", async () => {
  for (const send of [never, () => new Promise<void>(() => {})]) {
    const rig = new Rig();
    const delivered = rig.deliver(receiverOf(send), notificationOf(), { ...DELIVERY_POLICY, attemptsMax: 2 });
    for (const attempt of [1, 2]) {
      await until(() => rig.clock.timers === 2);
      rig.clock.advance(10_000);
      await until(() => rig.attempts.length === attempt);
    }
    expect(await delivered).toEqual({ kind: "failed", attempts: 2, outcome: "no answer within 10s" });
    expect(rig.attempts.map(({ durationMs }) => durationMs)).toEqual([10_000, 10_000]);
    expect(rig.clock.timers).toBe(0);
  }
});

test("the signal ends an attempt, a wait, and what has not begun", async () => {
  const sending = new Rig();
  const cut = sending.deliver(receiverOf(never), notificationOf());
  await until(() => sending.clock.timers === 2);
  sending.stop.abort();
  const stopped = { kind: "stopped", outcome: "stopped before it was answered" };
  expect(await cut).toMatchObject({ ...stopped, attempts: 1 });
  expect(await sending.deliver(receiverOf(never), notificationOf())).toMatchObject({ ...stopped, attempts: 0 });
  expect(sending.clock.timers).toBe(0);

  const waiting = new Rig();
  const failing = receiverOf(async () => {
    queueMicrotask(() => waiting.stop.abort());
    throw tryAgain("503");
  });
  expect(await waiting.deliver(failing, notificationOf())).toMatchObject({ kind: "stopped" });
  expect(waiting.clock.timers).toBe(0);
});

test("a receiver that hangs holds nobody else; to itself there are a few at once, in turn", async () => {
  const rig = new Rig();
  let begun = 0;
  const hanging = receiverOf((notification, options) => {
    begun++;
    return never(notification, options);
  });
  const policy = { ...DELIVERY_POLICY, attemptsMax: 1 };
  const held = Array.from({ length: 9 }, () => rig.deliver(hanging, notificationOf(), policy));
  await until(() => begun === 4);
  expect(
    (
      await rig.deliver(
        receiverOf(async () => {}),
        notificationOf(),
      )
    ).kind,
  ).toBe("delivered");
  for (const all of [4, 8, 9]) {
    await until(() => begun === all);
    rig.clock.advance(10_000);
  }
  expect(new Set((await Promise.all(held)).map(({ outcome }) => outcome))).toEqual(new Set(["no answer within 10s"]));
});

test("those whose turn never comes fail when their time is up", async () => {
  const rig = new Rig();
  const hanging = receiverOf(never, { timeoutMs: 10 * 60_000 });
  const held = Array.from({ length: 4 }, () => rig.deliver(hanging, notificationOf()));
  await until(() => rig.clock.timers === 8);
  const late = rig.deliver(hanging, notificationOf());
  await until(() => rig.clock.timers === 9);
  rig.clock.advance(DELIVERY_POLICY.totalMs);
  const outcome = "its turn never came: other notifications were being sent to it";
  expect(await late).toEqual({ kind: "failed", attempts: 0, outcome });
  rig.stop.abort();
  expect((await Promise.all(held)).map(({ kind }) => kind)).toEqual(Array(4).fill("stopped"));
});

test("who does not want what is resolved gets only what fires, the same object at each attempt", async () => {
  const rig = new Rig();
  const got: Notification[] = [];
  const receiver = receiverOf(
    async (notification, { attempt }) => {
      got.push(notification);
      if (attempt === 1) throw tryAgain("503");
    },
    { sendResolved: false },
  );
  const mixed = notificationOf({ alerts: [alertOf(), RESOLVED_ALERT] });
  expect((await rig.deliver(receiver, mixed)).kind).toBe("delivered");
  expect(got[0].alerts).toEqual([mixed.alerts[0]]);
  expect(got[1]).toBe(got[0]);
  const resolved = notificationOf({ status: "resolved", alerts: [RESOLVED_ALERT] });
  expect(await rig.deliver(receiver, resolved)).toMatchObject({ kind: "unwanted", attempts: 0 });
  expect(got).toHaveLength(2);
});

test("a defect is tried again, and says no more than its kind", async () => {
  const rig = new Rig();
  const receiver = receiverOf((_, { attempt }) => {
    if (attempt === 1) throw new TypeError("password hunter2 is undefined");
    return Promise.resolve();
  });
  expect((await rig.deliver(receiver, notificationOf())).kind).toBe("delivered");
  expect(rig.attempts[0].outcome).toBe("failed inside of Watchpost: TypeError");
});
