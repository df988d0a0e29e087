import { expect, test } from "bun:test";
import { jsonLog } from "../../src/cli/json-log.ts";
import { WatchpostError } from "../../src/model/errors.ts";

function logged(level: "debug" | "info" | "warn" | "error" = "info") {
  const lines: string[] = [];
  const log = jsonLog(
    level,
    (line) => lines.push(line),
    () => new Date(0),
  );
  return { log, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown>, lines };
}

test("a line is one JSON object with level, time, fields and message", () => {
  const { log, lines } = logged();
  log.warn({ series: 3, text: "a\nb" }, "said");
  expect(lines).toEqual(['{"level":40,"time":"1970-01-01T00:00:00.000Z","series":3,"text":"a\\nb","msg":"said"}\n']);
});

test("what is below the level is not written, whatever the level was before", () => {
  const { log, lines } = logged("warn");
  log.info({}, "one");
  log.level = "debug";
  log.debug({}, "two");
  log.level = "error";
  log.warn({}, "three");
  log.error({}, "four");
  expect(lines.map((line) => (JSON.parse(line) as { level: number; msg: string }).msg)).toEqual(["two", "four"]);
  expect(log.level).toBe("error");
  expect(() => (log.level = "loud")).toThrow("loud is no level of the log; wanted debug, info, warn, error");
});

test("an error is told with its kind, its status, and the stacks of its causes", () => {
  const { log, last } = logged();
  const cause = new RangeError("the reason");
  log.error({ err: new WatchpostError("UNAVAILABLE", "it failed", { cause }) }, "said");
  const err = last()["err"] as Record<string, string>;
  expect(err).toMatchObject({ type: "WatchpostError", message: "it failed", status: "UNAVAILABLE" });
  expect(err["stack"]).toContain("\ncaused by: RangeError: the reason");
});

test("errors that are each other's cause end", () => {
  const { log, last } = logged();
  const [one, other] = [new Error("one"), new Error("other")];
  one.cause = other;
  other.cause = one;
  log.error({ err: one }, "said");
  expect(last()["msg"]).toBe("said");
});

test("what JSON does not know costs no line", () => {
  const { log, last } = logged();
  log.info({ small: 5n, large: 2n ** 70n }, "numbers");
  expect(last()).toMatchObject({ small: 5, large: String(2n ** 70n) });
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  log.info({ circle }, "said");
  expect(last()).toMatchObject({ level: 30, msg: "said", fieldsLost: expect.stringContaining("TypeError") });
});
