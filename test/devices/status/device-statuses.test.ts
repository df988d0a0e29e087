/** Whether devices are there: by silence, births and deaths, and the device they are reached through. */
import { describe, expect, test } from "bun:test";
import type { StatusChange } from "../../../src/devices/status/status.ts";
import { HOUR, MINUTE, SECOND, StatusRig } from "./rig.ts";

describe("silence", () => {
  test("late after one and a half, offline after three times its usual gap, online when it is heard", () => {
    const rig = new StatusRig();
    expect(rig.statusOf(0)).toBe("never_seen");
    rig.hearEvery(0, MINUTE, 70);
    expect(rig.told()).toEqual(["0 online"]);
    rig.pass(90 * SECOND - 1);
    expect(rig.statusOf(0)).toBe("online");
    rig.pass(1);
    expect(rig.statuses.statusOf(0)).toMatchObject({ status: "late", reason: "silent for 1m30s; late after 1m30s" });
    rig.pass(90 * SECOND);
    expect(rig.statuses.statusOf(0)).toMatchObject({ status: "offline", reason: "silent for 3m; offline after 3m" });
    rig.pass(HOUR);
    rig.hear(0);
    rig.tick();
    expect(rig.told()).toEqual(["0 late", "0 offline", "0 online"]);
    expect(rig.statuses.statusOf(0)).toMatchObject({ sinceMs: rig.nowMs, seenMs: rig.nowMs, gapP95Ms: MINUTE });
  });

  test("an interval is never taken for less than 30 seconds or more than 48 hours", () => {
    const rig = new StatusRig();
    rig.hearEvery(0, SECOND, 100);
    expect(rig.statuses.statusOf(0)).toMatchObject({ lateAfterMs: 45 * SECOND, offlineAfterMs: 90 * SECOND });
    for (let i = 0; i < 10; i++) {
      rig.nowMs += 100 * HOUR;
      rig.tick();
      rig.hear(1);
    }
    expect(rig.statuses.statusOf(1)).toMatchObject({ lateAfterMs: 72 * HOUR, offlineAfterMs: 144 * HOUR });
  });

  test("few gaps tell nothing yet", () => {
    const rig = new StatusRig();
    rig.hearEvery(0, SECOND, 3);
    expect(rig.statuses.statusOf(0)).toMatchObject({ gapP95Ms: 0, lateAfterMs: 72 * HOUR });
    rig.pass(SECOND);
    rig.hear(0);
    expect(rig.statuses.statusOf(0)).toMatchObject({ gapP95Ms: SECOND, lateAfterMs: 45 * SECOND });
  });

  test("what sends every second, give or take some milliseconds, is known by its seconds", () => {
    const rig = new StatusRig();
    for (let i = 0; i < 100; i++) {
      rig.hear(0);
      rig.nowMs += 960 + ((i * 37) % 80);
      rig.tick();
    }
    expect(Math.round(rig.statuses.statusOf(0).gapP95Ms / 100)).toBe(10);
  });

  test("arrivals within nine tenths of a second are one", () => {
    const rig = new StatusRig();
    for (let i = 0; i < 1_000; i++) {
      rig.nowMs += 10;
      rig.tick();
      rig.hear(0);
    }
    expect(rig.statuses.statusOf(0).gapP95Ms).toBe(0.9 * SECOND);
  });

  test("what is set for a device comes before what was learned", () => {
    const rig = new StatusRig();
    rig.hearEvery(0, MINUTE);
    rig.configure(0, { expectedIntervalMs: 10 * SECOND });
    expect(rig.statuses.statusOf(0)).toMatchObject({ lateAfterMs: 15 * SECOND, offlineAfterMs: 30 * SECOND });
    rig.configure(0, { lateAfterMs: 7 * SECOND });
    expect(rig.statuses.statusOf(0)).toMatchObject({ lateAfterMs: 7 * SECOND, offlineAfterMs: 14 * SECOND });
    rig.configure(0, { offlineAfterMs: 8 * SECOND });
    expect(rig.statuses.statusOf(0)).toMatchObject({ lateAfterMs: 4 * SECOND, offlineAfterMs: 8 * SECOND });
    rig.configure(0, {});
    expect(rig.statuses.statusOf(0)).toMatchObject({ lateAfterMs: 90 * SECOND, offlineAfterMs: 180 * SECOND });
  });

  test("that nobody says how long it may be silent any more brings nobody back", () => {
    const rig = new StatusRig();
    rig.configure(0, { expectedIntervalMs: 30 * SECOND });
    rig.hear(0);
    rig.pass(25 * MINUTE);
    rig.configure(1, { expectedIntervalMs: 30 * SECOND });
    rig.hear(1);
    rig.pass(MINUTE);
    expect(rig.told()).toEqual(["0 online", "0 late", "0 offline", "1 online", "1 late"]);
    // What somebody says is judged at once.
    rig.configure(0, { expectedIntervalMs: HOUR });
    rig.configure(0, { expectedIntervalMs: SECOND });
    expect(rig.told()).toEqual(["0 online", "0 offline"]);
    rig.configure(0, {});
    rig.configure(1, {});
    rig.pass(HOUR);
    expect(rig.told()).toEqual([]);
    rig.hear(0);
    rig.hear(1);
    rig.tick();
    expect(rig.told()).toEqual(["0 online", "1 online"]);
    expect(rig.statuses.statusOf(0).lateAfterMs).toBe(72 * HOUR);
  });

  test("of devices that send when something happens it means nothing", () => {
    const rig = new StatusRig();
    rig.configure(0, { isEventDriven: true });
    rig.hearEvery(0, MINUTE);
    rig.pass(HOUR);
    rig.nowMs += 1_000 * HOUR;
    rig.tick();
    expect(rig.told()).toEqual(["0 online"]);
    expect(rig.statuses.statusOf(0)).toMatchObject({ lateAfterMs: 0, offlineAfterMs: 0 });
    rig.dies(0);
    expect(rig.told()).toEqual(["0 offline"]);
  });

  test("late and repeated readings are no sign of life", () => {
    const rig = new StatusRig();
    rig.hearEvery(0, MINUTE);
    rig.told();
    for (let i = 0; i < 4; i++) {
      rig.pass(MINUTE);
      rig.hear(0, 10 * MINUTE);
    }
    expect(rig.told()).toEqual(["0 late", "0 offline"]);
    // Newer than what was known, and still old.
    rig.hear(0, 3.5 * MINUTE);
    rig.tick();
    expect(rig.told()).toEqual([]);
    rig.hear(0, 2 * MINUTE);
    rig.tick();
    expect(rig.told()).toEqual([]);
    rig.hear(0, 80 * SECOND);
    rig.tick();
    expect(rig.told()).toEqual(["0 online"]);
  });

  test("what is uploaded of the past teaches nothing, and makes nobody late", () => {
    const rig = new StatusRig();
    rig.configure(1, { expectedIntervalMs: 30 * SECOND });
    const upload = (device: number, fromAgoMs: number, toAgoMs: number, stepMs: number) => {
      for (let agoMs = fromAgoMs; agoMs >= toAgoMs; agoMs -= stepMs) {
        rig.hear(device, agoMs);
        rig.pass(2 * SECOND);
      }
    };
    // Of a day, some minutes at once, to about a minute ago.
    upload(0, 24 * HOUR, MINUTE, 5 * MINUTE);
    upload(1, 24 * HOUR, MINUTE, 5 * MINUTE);
    rig.pass(HOUR);
    expect(rig.told()).toEqual(["0 online"]);
    expect(rig.statuses.statusOf(0)).toMatchObject({ gapP95Ms: 0, lateAfterMs: 72 * HOUR });
    expect(rig.statuses.statusOf(1)).toMatchObject({ status: "never_seen", gapP95Ms: 0 });
    // Yesterday's alone, of one that nothing is known of.
    upload(2, 48 * HOUR, 24 * HOUR, HOUR);
    expect(rig.statusOf(2)).toBe("never_seen");
  });

  test("one that sends what it has kept is back when it has caught up, and goes on as before", () => {
    const rig = new StatusRig();
    rig.hearEvery(0, MINUTE, 70);
    rig.pass(2 * HOUR);
    rig.told();
    for (let agoMs = 2 * HOUR; agoMs >= 0; agoMs -= 5 * MINUTE) {
      rig.hear(0, agoMs);
      rig.pass(2 * SECOND);
    }
    rig.hearEvery(0, MINUTE);
    expect(rig.told()).toEqual(["0 online"]);
    expect(rig.statuses.statusOf(0).gapP95Ms).toBe(MINUTE);
  });

  test("one whose readings are always as late is known by its arrivals", () => {
    const rig = new StatusRig();
    for (let i = 0; i < 70; i++) {
      rig.hear(0, 10 * MINUTE);
      rig.pass(10 * MINUTE);
    }
    expect(rig.told()).toEqual(["0 online"]);
    expect(rig.statuses.statusOf(0).gapP95Ms).toBe(10 * MINUTE);
    rig.pass(5 * MINUTE);
    expect(rig.told()).toEqual(["0 late"]);
  });

  test("one whose clock is behind by more than its interval is there as long as it sends, and is missed when it does not", () => {
    const rig = new StatusRig();
    rig.configure(1, { expectedIntervalMs: MINUTE });
    for (let i = 0; i < 70; i++) {
      for (const device of [0, 1]) rig.hear(device, 5 * MINUTE);
      rig.pass(MINUTE);
    }
    expect(rig.told()).toEqual(["0 online", "1 online"]);
    rig.pass(30 * SECOND);
    expect(rig.told().sort()).toEqual(["0 late", "1 late"]);
    // More than an hour behind it is one that sends old readings.
    for (let i = 0; i < 10; i++) {
      rig.hear(2, 2 * HOUR);
      rig.pass(MINUTE);
    }
    expect(rig.statusOf(2)).toBe("never_seen");
  });

  test("what comes in pieces is known by its uploads, not by its pieces", () => {
    const rig = new StatusRig();
    for (let i = 0; i < 20; i++) {
      for (const agoMs of [4 * MINUTE, 2 * MINUTE, 0]) {
        rig.hear(0, agoMs);
        rig.pass(2 * SECOND);
      }
      rig.pass(5 * MINUTE - 6 * SECOND);
    }
    expect(rig.told()).toEqual(["0 online"]);
    expect(rig.statuses.statusOf(0).gapP95Ms).toBe(5 * MINUTE - 4 * SECOND);
  });

  test("a device of whom there are old readings alone was not seen", () => {
    const rig = new StatusRig();
    for (let i = 0; i < 10; i++) rig.hear(0, 2_000 * HOUR - i * MINUTE);
    rig.tick();
    expect(rig.statusOf(0)).toBe("never_seen");
  });

  test("does not count while nobody can be heard, and whatever the wall clock does", () => {
    const rig = new StatusRig();
    rig.hearEvery(0, MINUTE);
    rig.told();
    rig.statuses.setHearing(false, "overload");
    rig.statuses.setHearing(false, "clock");
    rig.pass(HOUR);
    rig.statuses.setHearing(true, "clock");
    rig.pass(HOUR);
    rig.statuses.setHearing(true, "overload");
    rig.pass(89 * SECOND);
    expect(rig.told()).toEqual([]);
    rig.pass(SECOND);
    expect(rig.told()).toEqual(["0 late"]);
    // Set forward by an hour between two steps of the monotonic clock.
    const statuses = rig.statuses;
    rig.hear(0);
    statuses.advance(rig.nowMs, rig.nowMs);
    expect(statuses.advance(rig.nowMs + HOUR, rig.nowMs + SECOND)).toEqual([]);
  });

  test("a wall clock that is set forward just before an arrival does not hide the silence after it", () => {
    const rig = new StatusRig();
    rig.hearEvery(0, MINUTE);
    rig.statuses.arrived(0, rig.nowMs + 5 * HOUR, rig.nowMs + 5 * HOUR);
    rig.told();
    rig.pass(2 * MINUTE);
    expect(rig.told()).toEqual(["0 late"]);
  });
});

describe("births and deaths", () => {
  test("a death counts at once, until it is heard of again", () => {
    const rig = new StatusRig();
    rig.hearEvery(0, MINUTE);
    rig.pass(SECOND);
    rig.dies(0);
    expect(rig.statuses.statusOf(0)).toMatchObject({ status: "offline", reason: "last will" });
    rig.hear(0, 500);
    rig.tick();
    expect(rig.statusOf(0)).toBe("offline");
    rig.pass(SECOND);
    rig.hear(0);
    rig.tick();
    expect(rig.told()).toEqual(["0 online", "0 offline", "0 online"]);
  });

  test("a birth is a sign of life, in the millisecond of the death, too", () => {
    const rig = new StatusRig();
    rig.isBorn(0);
    rig.dies(0);
    rig.isBorn(0);
    expect(rig.told()).toEqual(["0 online", "0 offline", "0 online"]);
  });

  test("a death that is older than what was heard changes nothing", () => {
    const rig = new StatusRig();
    rig.hearEvery(0, MINUTE);
    rig.statuses.event(0, { kind: "death", timeMs: rig.nowMs - 1, reason: "late will" }, rig.nowMs);
    rig.tick();
    expect(rig.statusOf(0)).toBe("online");
  });
});

describe("gateways", () => {
  function family(): StatusRig {
    const rig = new StatusRig();
    // 0 is above 1 and 2, 2 above 3.
    for (const [child, parent] of [
      [1, 0],
      [2, 0],
      [3, 2],
    ]) {
      rig.statuses.setParent(child, parent);
    }
    for (let i = 0; i < 10; i++) {
      for (const device of [0, 1, 2, 3]) rig.hear(device);
      rig.pass(MINUTE);
    }
    rig.told();
    return rig;
  }

  test("one that dies makes all that is reached through it stale at once; it does not become offline by silence", () => {
    const rig = family();
    rig.dies(0);
    expect(rig.told().sort()).toEqual(["0 offline", "1 stale", "2 stale", "3 stale"]);
    expect(rig.statuses.statusOf(3).reason).toBe("device-0 is offline");
    rig.pass(10 * HOUR);
    expect(rig.told()).toEqual([]);
  });

  test("when it is back they are, and their silence begins anew", () => {
    const rig = family();
    rig.dies(0);
    rig.pass(HOUR);
    rig.told();
    rig.isBorn(0);
    expect(rig.told().sort()).toEqual(["0 online", "1 online", "2 online", "3 online"]);
    expect(rig.statuses.statusOf(1).reason).toBe("device-0 is back");
    rig.pass(90 * SECOND);
    expect(rig.told().sort()).toEqual(["0 late", "1 late", "2 late", "3 late"]);
  });

  test("one that is heard comes back by itself, with what is reached through it", () => {
    const rig = family();
    rig.dies(0);
    rig.pass(MINUTE);
    rig.told();
    rig.hear(2, 2 * MINUTE);
    rig.tick();
    expect(rig.told()).toEqual([]);
    rig.hear(2);
    rig.tick();
    expect(rig.told().sort()).toEqual(["2 online", "3 online"]);
    rig.pass(3 * MINUTE);
    expect(rig.told().sort()).toEqual(["2 late", "2 offline", "3 late", "3 stale"]);
  });

  test("also when it is offline by silence", () => {
    const rig = family();
    rig.configure(1, { expectedIntervalMs: HOUR });
    rig.pass(2 * MINUTE);
    expect(rig.statuses.statusOf(1)).toMatchObject({ status: "stale", reason: "device-0 is offline" });
  });

  test("a device that gets a dead parent is stale, one that loses it is not any more", () => {
    const rig = family();
    rig.hear(9);
    rig.dies(0);
    rig.told();
    rig.statuses.setParent(9, 0);
    rig.statuses.setParent(1, -1);
    rig.tick();
    expect(rig.told()).toEqual(["9 stale", "1 online"]);
    rig.statuses.forget(0);
    rig.tick();
    expect(rig.told().sort()).toEqual(["2 online", "3 online", "9 online"]);
  });

  test("circles end, whoever of them dies", () => {
    const rig = family();
    rig.statuses.setParent(0, 3);
    rig.statuses.setParent(1, 1);
    rig.dies(2);
    expect(rig.told().sort()).toEqual(["0 stale", "2 offline", "3 stale"]);
    rig.pass(SECOND);
    rig.hear(2);
    rig.tick();
    expect(rig.told().sort()).toEqual(["0 online", "2 online", "3 online"]);
  });
});

describe("many at once", () => {
  test("are told a few at a time, in the order and with the times as all at once", () => {
    const told = (max: number) => {
      const rig = new StatusRig();
      const all: StatusChange[] = [];
      const tick = () => {
        do {
          const changes = rig.statuses.advance(rig.nowMs, rig.nowMs, max);
          expect(changes.length).toBeLessThanOrEqual(max);
          all.push(...changes);
        } while (rig.statuses.isBehind);
      };
      // Gateways, each above ten, which fall silent at once; every third child by itself.
      for (let device = 0; device < 330; device++) {
        if (device >= 30) rig.statuses.setParent(device, device % 30);
      }
      for (let i = 0; i < 10; i++) {
        for (let device = 0; device < 330; device++) rig.hear(device);
        rig.nowMs += MINUTE;
        tick();
      }
      for (let i = 0; i < 300; i++) {
        rig.nowMs += SECOND;
        if (i === 30) rig.statuses.event(3, { kind: "death", timeMs: rig.nowMs, reason: "will", by: "ann" }, rig.nowMs);
        if (i < 60) for (let device = 30; device < 330; device += 3) rig.hear(device);
        if (i === 250) for (let device = 0; device < 330; device++) rig.hear(device);
        tick();
      }
      expect(all.filter(({ by }) => by === "ann").length).toBe(11);
      return all;
    };
    const all = told(Infinity);
    expect(all.length).toBeGreaterThan(1_000);
    for (const max of [1, 7, 100]) expect(told(max)).toEqual(all);
  });

  test("a gateway that comes and goes faster than its devices can follow leaves them as it is in the end", () => {
    const rig = new StatusRig();
    for (let device = 1; device <= 1_000; device++) rig.statuses.setParent(device, device <= 500 ? 0 : device - 500);
    for (let device = 0; device <= 1_000; device++) rig.hear(device);
    rig.tick();
    rig.told();
    for (let i = 0; i < 41; i++) {
      rig.nowMs += SECOND;
      const kind = i % 2 === 0 ? "death" : "birth";
      rig.statuses.event(0, { kind, timeMs: rig.nowMs, reason: kind }, rig.nowMs);
      rig.statuses.advance(rig.nowMs, rig.nowMs, 7);
    }
    rig.tick();
    for (let device = 1; device <= 1_000; device++) expect(rig.statusOf(device)).toBe("stale");
    rig.isBorn(0);
    for (let device = 1; device <= 1_000; device++) expect(rig.statusOf(device)).toBe("online");
  });

  test("whoever is heard before its turn comes does not follow a gateway that died", () => {
    const rig = new StatusRig();
    for (let device = 1; device <= 1_000; device++) rig.statuses.setParent(device, 0);
    for (let device = 0; device <= 1_000; device++) rig.hear(device);
    rig.tick();
    rig.told();
    rig.nowMs += SECOND;
    rig.statuses.event(0, { kind: "death", timeMs: rig.nowMs, reason: "will" }, rig.nowMs);
    const first = rig.statuses.advance(rig.nowMs, rig.nowMs, 100);
    expect(first.length).toBe(100);
    rig.nowMs += SECOND;
    const others = Array.from({ length: 1_000 }, (_, i) => i + 1).filter((device) => rig.statusOf(device) === "online");
    others.slice(0, 50).forEach((device) => rig.hear(device));
    rig.tick();
    expect(first.length + rig.changes.length).toBe(951);
    expect(others.slice(0, 50).map((device) => rig.statusOf(device))).toEqual(Array<string>(50).fill("online"));
  });
});

describe("flapping", () => {
  test("of a device that changes too often one change a minute is for the journal, until it is calm; all are told", () => {
    const rig = new StatusRig();
    for (let i = 0; i < 300; i++) {
      if (i % 2 === 0) rig.isBorn(0);
      else rig.dies(0);
      expect(rig.changes.at(-1)).toMatchObject({ status: i % 2 === 0 ? "online" : "offline" });
      rig.pass(SECOND);
    }
    const journaled = () => rig.changes.splice(0).filter(({ isHeld }) => !isHeld);
    const changes = journaled();
    expect(changes.filter(({ isFlapping }) => !isFlapping)).toHaveLength(7);
    expect(changes.length).toBeLessThan(7 + 7);
    const told = changes.length + changes.reduce((sum, { omitted }) => sum + omitted, 0);
    expect(told).toBeGreaterThan(240);
    expect(rig.statuses.statusOf(0).isFlapping).toBe(true);
    for (let i = 0; i < 20 * 60; i++) {
      rig.isBorn(0);
      rig.pass(MINUTE);
    }
    const rest = journaled();
    const last = rest.at(-1)!;
    expect(last).toMatchObject({ status: "online", isFlapping: false });
    expect(rig.statuses.statusOf(0).isFlapping).toBe(false);
    const after = rest.reduce((sum, { omitted }) => sum + omitted + 1, 0);
    // All are accounted for: 300, the birth after them, and the end of the flapping.
    expect(told + after).toBe(302);
  });

  test("now and then an outage is none", () => {
    const rig = new StatusRig();
    for (let i = 0; i < 12; i++) {
      rig.hearEvery(0, MINUTE, 4 * 60);
      rig.pass(5 * MINUTE);
    }
    expect(rig.changes.some(({ isFlapping }) => isFlapping)).toBe(false);
  });
});

describe("restarts", () => {
  test("learned gaps, what was said and deaths stay; silence begins anew", () => {
    const rig = new StatusRig();
    rig.statuses.setParent(4, 3);
    for (const device of [0, 1, 2, 3, 4]) rig.hearEvery(device, MINUTE, 70);
    rig.pass(10 * MINUTE);
    rig.hear(0);
    rig.hear(3);
    rig.hear(4);
    rig.pass(MINUTE);
    rig.dies(3);
    rig.told();
    const saved = [0, 1, 2, 3, 4].map((device) => rig.statuses.save(device));
    expect(saved.map(({ status }) => status)).toEqual(["online", "offline", "offline", "offline", "stale"]);
    rig.nowMs += 5 * HOUR;
    rig.statuses = rig.opened();
    rig.statuses.setParent(4, 3);
    for (const [device, one] of saved.entries()) {
      rig.statuses.restore(device, JSON.parse(JSON.stringify(one)) as typeof one);
    }
    rig.pass(89 * SECOND);
    expect(rig.told()).toEqual([]);
    expect(rig.statuses.statusOf(0)).toMatchObject({ gapP95Ms: MINUTE, lateAfterMs: 90 * SECOND });
    rig.pass(SECOND);
    expect(rig.told()).toEqual(["0 late"]);
    rig.hear(3, 6 * HOUR);
    rig.hear(1);
    rig.tick();
    expect(rig.told()).toEqual(["1 online"]);
    rig.isBorn(3);
    expect(rig.told()).toEqual(["3 online", "4 online"]);
    // The time the server was down is no gap.
    for (let i = 0; i < 5; i++) {
      rig.hear(2);
      rig.pass(MINUTE);
    }
    expect(rig.statuses.statusOf(2).gapP95Ms).toBe(MINUTE);
  });

  test("what a server that was killed had not told any more is told", () => {
    const rig = new StatusRig();
    for (const [child, parent] of [
      [1, 0],
      [2, 0],
      [3, 2],
      [5, 4],
      [6, 4],
    ])
      rig.statuses.setParent(child, parent);
    for (let device = 0; device <= 7; device++) rig.hearEvery(device, MINUTE, 1);
    rig.pass(SECOND);
    const online = [0, 1, 2, 3, 4, 5, 6, 7].map((device) => rig.statuses.save(device));
    rig.dies(0);
    rig.dies(4);
    rig.dies(7);
    const down = [0, 1, 2, 3, 4, 5, 6, 7].map((device) => rig.statuses.save(device));
    rig.told();
    // Of 0 its death was written, and that 1 is stale; of 4 that it was back, and not that 5 is; 6 was released and not told.
    const written = [down[0], down[1], online[2], online[3], online[4], down[5], { ...down[6], isStale: false }];
    rig.nowMs += MINUTE;
    rig.statuses = rig.opened();
    for (const [child, parent] of [
      [1, 0],
      [2, 0],
      [3, 2],
      [5, 4],
      [6, 4],
    ])
      rig.statuses.setParent(child, parent);
    written.forEach((one, device) => rig.statuses.restore(device, one));
    // It died while changes of it were held back.
    rig.statuses.restore(7, { ...down[7], status: "online" });
    rig.statuses.restored();
    rig.tick();
    expect(rig.told().sort()).toEqual(["2 stale", "3 stale", "5 online", "6 online", "7 offline"]);
    expect(rig.statusOf(0) + rig.statusOf(1)).toBe("offlinestale");
  });

  test("what should be saved is named once for each change", () => {
    const rig = new StatusRig();
    rig.hearEvery(0, MINUTE);
    expect(rig.statuses.takeUnsaved(10)).toEqual([0]);
    rig.hearEvery(0, MINUTE, 100);
    expect(rig.statuses.takeUnsaved(10)).toEqual([]);
    rig.hearEvery(0, 80 * SECOND, 70);
    expect(rig.statuses.takeUnsaved(10)).toEqual([0]);
  });
});

test("a device that is forgotten leaves nothing to the one that gets its index", () => {
  const rig = new StatusRig();
  rig.hearEvery(0, MINUTE);
  rig.configure(0, { lateAfterMs: 5 });
  rig.dies(0);
  rig.statuses.event(0, { kind: "birth", timeMs: rig.nowMs, reason: "birth" }, rig.nowMs);
  rig.told();
  rig.statuses.forget(0);
  rig.pass(HOUR);
  expect(rig.told()).toEqual([]);
  const fresh = new StatusRig();
  expect(rig.statuses.statusOf(0)).toEqual(fresh.statuses.statusOf(0));
});
