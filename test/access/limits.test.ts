/** How much one caller may take, and that no other pays for it. */
import { describe, expect, test } from "bun:test";
import { Limits, type Limited, type LimitSettings } from "../../src/access/limits.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import type { HoldLimitName } from "../../src/wire/allowance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { accessRig, bare, QUERY, showing, UNLIMITED } from "./rig.ts";

const ANN = { isAuthenticated: true, name: "ann" };
const BOB = { isAuthenticated: true, name: "bob" };
const NOBODY = { isAuthenticated: false, name: "anonymous" };
const CALLERS_MAX = 10_000;

function limitsOf(settings: Partial<LimitSettings>) {
  const clock = new ManualClock();
  const limited: Limited[] = [];
  const onLimited = (each: Limited) => void limited.push(each);
  return { clock, limited, limits: new Limits({ settings: { ...UNLIMITED, ...settings }, clock, onLimited }) };
}

function errorOf(run: () => unknown): WatchpostError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof WatchpostError) return error;
    throw error;
  }
}

/** One of many. */
function addressOf(i: number): string {
  return `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
}

describe("what is used up", () => {
  test("is there again with time; the refusal names limit, caller, value and when", () => {
    const { clock, limits, limited } = limitsOf({ points_per_second: 1_000 });
    const ann = limits.allowanceOf(ANN, "10.0.0.9");
    expect(ann.refusal("points_per_second")).toBeUndefined();
    ann.use("points_per_second", 10_500);
    expect(ann.refusal("points_per_second")).toMatchObject({
      status: "RESOURCE_EXHAUSTED",
      message: '"ann" sends more points than it may (limits.points_per_second is 1000); try again in 501ms',
      retryAfterMs: 501,
    });
    clock.advance(500);
    expect(ann.refusal("points_per_second")).toMatchObject({ retryAfterMs: 1 });
    clock.advance(1);
    expect(ann.refusal("points_per_second")).toBeUndefined();
    expect(limited).toEqual([
      { limit: "points_per_second", who: '"ann"', max: 1_000, times: 1 },
      { limit: "points_per_second", who: '"ann"', max: 1_000, times: 2 },
    ]);
  });

  test("does not grow beyond what it was while nobody uses it", () => {
    const { clock, limits } = limitsOf({ new_series_per_hour: 3_600 });
    const ann = limits.allowanceOf(ANN, "");
    ann.use("new_series_per_hour", 3_600);
    expect(ann.refusal("new_series_per_hour")).toMatchObject({ retryAfterMs: 1_000 });
    clock.advance(24 * 3_600_000);
    ann.use("new_series_per_hour", 3_600);
    expect(ann.refusal("new_series_per_hour")).toMatchObject({ retryAfterMs: 1_000 });
  });

  test("without a limit is never", () => {
    const { limits } = limitsOf({});
    const ann = limits.allowanceOf(ANN, "");
    ann.use("points_per_second", 1e15);
    expect(ann.refusal("points_per_second")).toBeUndefined();
  });

  test("is each principal's, from wherever it comes, and where nobody proves who they are each network's", () => {
    const { limits } = limitsOf({ points_per_second: 1 });
    const isOut = (who: typeof ANN, peer: string) =>
      limits.allowanceOf(who, peer).refusal("points_per_second") !== undefined;
    limits.allowanceOf(ANN, "10.0.0.1").use("points_per_second", 100);
    expect([isOut(ANN, "10.0.0.2"), isOut(BOB, "10.0.0.1"), isOut(NOBODY, "10.0.0.1")]).toEqual([true, false, false]);
    limits.allowanceOf(NOBODY, "2001:db8:1:2::7").use("points_per_second", 100);
    expect(isOut(NOBODY, "2001:db8:1:2:ffff::1")).toBe(true);
    expect(isOut(NOBODY, "2001:db8:1:3::7")).toBe(false);
    expect(limits.allowanceOf(NOBODY, "2001:db8:1:2::7").refusal("points_per_second")?.message).toContain(
      "the address 2001:db8:1:2::/64 sends more points than it may",
    );
  });
});

describe("what is held at once", () => {
  test.each(["streams", "subscriptions", "queries"] satisfies HoldLimitName[])("%s", (limit) => {
    const { limits } = limitsOf({ [limit]: 2 });
    const ann = limits.allowanceOf(ANN, "");
    const first = ann.hold(limit);
    ann.hold(limit);
    expect(errorOf(() => ann.hold(limit))).toMatchObject({ status: "RESOURCE_EXHAUSTED", retryAfterMs: 1_000 });
    expect(errorOf(() => limits.allowanceOf(BOB, "").hold(limit))).toBeUndefined();
    first();
    expect(errorOf(() => ann.hold(limit))).toBeUndefined();
    expect(errorOf(() => ann.hold(limit))?.message).toContain(`(limits.${limit} is 2)`);
  });
});

describe("connections", () => {
  test("of one address and of all are counted until they are left", () => {
    const { limits } = limitsOf({ connections_per_address: 2, connections: 3 });
    const enter = (address: string) => errorOf(() => limits.enter(address))?.message;
    const first = limits.enter("10.0.0.1");
    expect(enter("::ffff:10.0.0.1")).toBeUndefined();
    expect(enter("10.0.0.1")).toContain("the address 10.0.0.1 has as many connections open as it may have");
    expect(enter("10.0.0.2")).toBeUndefined();
    expect(enter("10.0.0.3")).toContain("one more connection than all may have open (limits.connections is 3)");
    expect(limits.connections).toBe(3);
    first.leave();
    expect([enter("10.0.0.1"), limits.connections]).toEqual([undefined, 3]);
  });

  test("from this machine itself may be more", () => {
    const settings = { ...UNLIMITED, connections_per_address: 1 };
    const deps = { settings, clock: new ManualClock(), onLimited: () => {} };
    const limits = new Limits({ ...deps, ownConnections: 2 });
    for (const own of ["127.0.0.1", "::1"]) {
      for (let i = 0; i < 2; i++) limits.enter(own);
      expect(errorOf(() => limits.enter(own))?.message).toContain("(limits.connections_per_address is 2)");
    }
    limits.enter("10.0.0.1");
    expect(errorOf(() => limits.enter("10.0.0.1"))?.message).toContain("(limits.connections_per_address is 1)");
    const same = new Limits(deps);
    same.enter("127.0.0.1");
    expect(errorOf(() => same.enter("127.0.0.1"))?.message).toContain("(limits.connections_per_address is 1)");
  });

  test("may send so many pings", () => {
    const { clock, limits } = limitsOf({ pings_per_second: 2 });
    const [one, other] = [limits.enter("10.0.0.1"), limits.enter("10.0.0.1")];
    for (let i = 0; i < 20; i++) expect(one.ping()).toBeUndefined();
    expect(one.ping()).toMatchObject({ status: "RESOURCE_EXHAUSTED", retryAfterMs: 500 });
    expect(other.ping()).toBeUndefined();
    clock.advance(500);
    expect(one.ping()).toBeUndefined();
  });
});

describe("callers that are told apart", () => {
  test("are so many; who has all back is forgotten first, and nobody gets anything by it", () => {
    const { clock, limits } = limitsOf({ points_per_second: 1 });
    const of = (i: number) => limits.allowanceOf(NOBODY, addressOf(i));
    for (let i = 0; i < CALLERS_MAX; i++) of(i).use("points_per_second", 10);
    // Nobody can be forgotten: others share one.
    of(CALLERS_MAX).use("points_per_second", 10);
    expect(of(CALLERS_MAX + 1).refusal("points_per_second")?.message).toContain("all others");
    expect(of(7).refusal("points_per_second")).toBeDefined();
    expect(limits.callers).toBe(CALLERS_MAX + 1);
    clock.advance(10_000);
    expect(of(CALLERS_MAX + 2).refusal("points_per_second")).toBeUndefined();
    of(CALLERS_MAX + 2).use("points_per_second", 10);
    expect(of(CALLERS_MAX + 2).refusal("points_per_second")).toBeDefined();
    expect(of(CALLERS_MAX + 3).refusal("points_per_second")).toBeUndefined();
    expect(limits.callers).toBeLessThanOrEqual(CALLERS_MAX + 1);
  });

  test("who holds something is not forgotten; principals have places of their own", () => {
    const { limits } = limitsOf({ streams: 1 });
    limits.allowanceOf(NOBODY, "192.0.2.9").hold("streams");
    limits.allowanceOf(ANN, "192.0.2.9").hold("streams");
    for (let i = 0; i < 2 * CALLERS_MAX; i++) limits.allowanceOf(NOBODY, addressOf(i));
    expect(limits.callers).toBeLessThanOrEqual(CALLERS_MAX + 1);
    for (const who of [NOBODY, ANN]) {
      expect(errorOf(() => limits.allowanceOf(who, "192.0.2.9").hold("streams"))).toBeDefined();
    }
  });
});

test("who was limited within the last minute is told, the most often first", () => {
  const { clock, limits } = limitsOf({ streams: 0, queries: 0 });
  const tryIt = (who: typeof ANN, limit: HoldLimitName) => errorOf(() => limits.allowanceOf(who, "").hold(limit));
  tryIt(ANN, "streams");
  clock.advance(40_000);
  for (let i = 0; i < 3; i++) tryIt(BOB, "queries");
  expect(limits.lately(5)).toEqual([
    { limit: "queries", who: '"bob"', max: 0, times: 3 },
    { limit: "streams", who: '"ann"', max: 0, times: 1 },
  ]);
  expect(limits.lately(1)).toHaveLength(1);
  clock.advance(30_000);
  expect(limits.lately(5).map(({ who }) => who)).toEqual(['"bob"']);
  clock.advance(40_000);
  expect(limits.lately(5)).toEqual([]);
  tryIt(BOB, "queries");
  expect(limits.lately(5)).toMatchObject([{ times: 1 }]);
});

describe("the gate", () => {
  test("takes so many calls of one caller, others' meanwhile, and says what each may still use", async () => {
    const { gate, make, clock } = await accessRig({ limited: { messages_per_second: 1, streams: 1 } });
    const [ann, bob] = [await make({ name: "ann" }), await make({ name: "bob" })];
    for (let i = 0; i < 10; i++) await gate.admit(QUERY, showing(ann));
    expect(errorOf(() => gate.admit(QUERY, showing(ann)))).toMatchObject({
      status: "RESOURCE_EXHAUSTED",
      retryAfterMs: 1_000,
      message: '"ann" sends more messages than it may (limits.messages_per_second is 1); try again in 1s',
    });
    const { allowance } = await gate.admit(QUERY, showing(bob));
    allowance!.hold("streams");
    expect(errorOf(() => allowance!.hold("streams"))).toBeDefined();
    clock.advance(1_000);
    expect((await gate.admit(QUERY, showing(ann))).principal.name).toBe("ann");
  });

  test("counts by address where it asks nobody, and who is refused for a credential is not counted as its owner", async () => {
    const { gate, make } = await accessRig({ limited: { messages_per_second: 1 } });
    for (let i = 0; i < 10; i++) await gate.admit(QUERY, bare());
    expect(errorOf(() => gate.admit(QUERY, bare()))?.message).toContain("the address 10.0.0.9 sends more messages");
    const ann = await make({ name: "ann" });
    for (let i = 0; i < 9; i++) expect(errorOf(() => gate.admit(QUERY, bare()))?.status).toBe("UNAUTHENTICATED");
    expect((await gate.admit(QUERY, showing(ann))).principal.name).toBe("ann");
  });
});
