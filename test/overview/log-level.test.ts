/** The level of the log, changed for a while. */
import { expect, test } from "bun:test";
import { LogLevel } from "../../src/overview/log-level.ts";
import { ManualClock } from "../support/manual-clock.ts";

function levelRig() {
  const clock = new ManualClock();
  const log = { level: "info" };
  const said: string[] = [];
  const say = (_: object, message: string) => void said.push(message);
  const logger = { debug: say, info: say, warn: say, error: say };
  return { clock, log, said, level: new LogLevel({ log, logger, clock }) };
}

test("another level holds for its time, and the configured one is back by itself", () => {
  const { clock, log, said, level } = levelRig();
  expect(level.now).toEqual({ level: "info", configured: "info", untilMs: undefined });
  expect(level.set("debug", 600_000, "ann").untilMs).toBe(clock.nowMs() + 600_000);
  expect([log.level, level.isDebug]).toEqual(["debug", true]);
  clock.advance(599_999);
  expect(log.level).toBe("debug");
  clock.advance(1);
  expect([log.level, level.now.untilMs, clock.timers]).toEqual(["info", undefined, 0]);
  expect(said).toEqual(["the log level is debug for 10m, then info again", "the log level is info again"]);
});

test("a later change counts from then on, and the configured level ends it at once", () => {
  const { clock, log, level } = levelRig();
  level.set("debug", 60_000, "ann");
  clock.advance(30_000);
  level.set("error", 0, "ann");
  clock.advance(3_599_999);
  expect(log.level).toBe("error");
  level.set("", 0, "ann");
  expect([log.level, clock.timers]).toEqual(["info", 0]);
  level.set("debug", 60_000, "ann");
  level.close();
  expect([log.level, clock.timers]).toEqual(["info", 0]);
});

test("what is no level, or holds for too long, is refused by name and changes nothing", () => {
  const { log, level } = levelRig();
  expect(() => level.set("loud", 0, "ann")).toThrow(/level.*"loud".*debug, info, warn, error/);
  expect(() => level.set("debug", 86_400_001, "ann")).toThrow(/for_ms/);
  expect(() => level.set("debug", -1, "ann")).toThrow(/for_ms/);
  expect(log.level).toBe("info");
  const fixed = new LogLevel({ log: undefined, logger: levelRig().level as never, clock: new ManualClock() });
  expect(() => fixed.set("debug", 0, "ann")).toThrow(/no levels/);
});
