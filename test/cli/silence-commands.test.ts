/** `watchpost silence` over a server of its own. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { SilenceSchema, SilenceState } from "../../src/wire/gen/alerts_pb.ts";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { spanWords, stateWords } from "../../src/cli/silence-text.ts";
import { timeMsOf } from "../../src/cli/silence-times.ts";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("cli-silence");
  await rig.ok(["rules", "apply", "-"], {
    stdin: "rules: [{ name: hot, metric: t, condition: { threshold: { above: 80 } }, severity: high }]",
  });
  for (const device of ["pump-1", "pump-2"]) {
    await rig.send(device, 90);
    await rig.untilActive(device, "high");
  }
}, 120_000);

afterEach(async () => {
  const ids = (await listed()).map(({ id }) => id);
  if (ids.length > 0) await rig.ok(["silence", "expire", ...ids]);
});

afterAll(() => rig.close());

interface Listed {
  readonly id: string;
  readonly matchers: readonly string[];
  readonly [field: string]: unknown;
}

async function listed(...args: string[]): Promise<Listed[]> {
  const lines = (await rig.ok(["silence", "list", "--json", ...args])).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Listed);
}

const rows = (out: string) => out.split("\n").map((line) => line.trim().split(/ {2,}/));
const add = (...args: string[]) => rig.run(["silence", "add", ...args]);
const hoursLeft = ({ endsAt }: Listed) => (Date.parse(String(endsAt)) - Date.now()) / 3_600_000;

describe("add", () => {
  test("says what is silenced, for how long, and how many alerts that holds back", async () => {
    const { code, out, err } = await add("device=pump-1", "severity!=critical", "--for", "2h", "-m", "works on pump 1");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^silenced [0-9a-f]{8} {2}device="pump-1" severity!="critical" {2}active, 2h left\n/);
    expect(out).toEndWith("\nit holds back 1 alert that is active\n");
    const [silence] = await listed();
    expect(silence).toMatchObject({
      matchers: ['device="pump-1"', 'severity!="critical"'],
      author: "ann",
      comment: "works on pump 1",
      state: "SILENCE_STATE_ACTIVE",
    });
    expect(hoursLeft(silence)).toBeCloseTo(2, 1);
  }, 120_000);

  test("begins and ends when it is told to, for whoever is named", async () => {
    const { out } = await add("device=~pump-.*", "--from", "+30m", "--until", "+4h", "--user", "bob");
    expect(out).toMatch(/ {2}begins in 30m, for 3h30m\nit would hold back 2 alerts that are active\n$/);
    await add("alertname=hot", "--until", "2100-01-01");
    expect(await listed()).toMatchObject([{ author: "bob" }, { endsAt: "2100-01-01T00:00:00Z" }]);
  }, 120_000);

  test("says where nothing meets it, and what a glob would have been", async () => {
    expect(await add("device=pump-*", "--for", "1h")).toMatchObject({
      code: 0,
      out: expect.stringContaining("\nno alert that is active meets it\n"),
      err: "pump-* is taken as it stands; there are no globs, but 'device=~pump-.*'\n",
    });
    expect((await add("device!=a.b?", "severity=high", "--for", "1h")).err).toContain("'device!~a\\.b.'");
  }, 120_000);

  test("refuses one that may hold back every alert, unless it is told so", async () => {
    const refused = await add("site!=north", "severity=~.*", "--for", "1h");
    expect(refused).toEqual({
      code: 2,
      out: "",
      err: 'error: site!="north" severity=~".*" may hold back every alert; wanted a matcher that picks some out, such as device=pump-1, or --all for every alert\n',
    });
    expect((await add("--for", "1h")).err).toContain("no matcher is given; wanted");
    expect(await listed()).toEqual([]);
    expect((await add("site!=north", "--for", "1h", "--all")).out).toContain("it holds back 2 alerts");
    const all = await add("--all", "--for", "10m", "-m", "test of the siren");
    expect(all.out).toContain('  alertname=~".+"  active, 10m left\nit holds back 2 alerts');
    expect(await listed()).toMatchObject([{ all: true }, { all: true }]);
  }, 120_000);

  test("says what is wrong with what is given, and makes none", async () => {
    for (const [args, sentence] of [
      [["devic", "--for", "1h"], "wanted one matcher, such as"],
      [["a=~(", "--for", "1h"], "wanted a regular expression in RE2 syntax"],
      [["a=b"], "nothing says when it ends; wanted --for"],
      [["a=b", "--for", "1h", "--until", "+2h"], "cannot be used with"],
      [["a=b", "--until", "-1h"], "silence.ends_at is"],
      [["a=b", "--until", "+soon"], '--until is "+soon"; wanted ISO 8601'],
      [["a=b", "--for", "1h", "-m", "x".repeat(2_000)], "silence.comment is"],
    ] as const) {
      const { code, err } = await add(...args);
      expect([args.join(" "), code, err]).toEqual([args.join(" "), 2, expect.stringContaining(sentence)]);
    }
    expect(await listed()).toEqual([]);
  }, 120_000);
});

test("list shows what stands, the one that ends first, first; --expired what is over, too", async () => {
  expect(await rig.ok(["silence", "list"])).toBe("nothing is silenced\n");
  await add("device=b", "--for", "3h", "-m", "two\nlines");
  await add("device=\u001b[31ma", "--for", "2h", "--user", "bob");
  const table = rows(await rig.ok(["silence", "list"]));
  expect(table[0]).toEqual(["ID", "STATE", "ENDS", "BY", "ALERTS WITH", "COMMENT"]);
  expect(table.slice(1, 3).map(([, state, , ...rest]) => [state, ...rest])).toEqual([
    ["active, 2h left", "bob", 'device="\ufffd[31ma"'],
    ["active, 3h left", "ann", 'device="b"', "two lines"],
  ]);
  await rig.ok(["silence", "expire", (await listed())[0].id]);
  expect((await listed()).map(({ matchers }) => matchers.join())).toEqual(['device="b"']);
  const over = rows(await rig.ok(["silence", "list", "--expired"]));
  expect(over.some(([, state]) => /^over, \d+s ago$/.test(state))).toBe(true);
}, 120_000);

describe("expire and extend", () => {
  test("by the first letters of an id; one that is over stays over", async () => {
    await add("device=pump-1", "--for", "1h");
    await add("device=pump-2", "--for", "5h");
    const [first, second] = await listed();
    const extended = await rig.ok(["silence", "extend", first.id.slice(0, 8), "--for", "1h"]);
    expect(extended).toBe(`extended ${first.id.slice(0, 8)}  device="pump-1"  active, 2h left\n`);
    await rig.ok(["silence", "extend", second.id, "--until", "+30m", "--user", "bob"]);
    expect((await listed()).map(({ id }) => id)).toEqual([second.id, first.id]);
    expect(await listed()).toMatchObject([{ author: "ann" }, { author: "ann" }]);
    expect(await rig.ok(["silence", "expire", first.id.slice(0, 8)])).toBe(
      `expired ${first.id.slice(0, 8)}  device="pump-1"\n`,
    );
    const both = await rig.run(["silence", "expire", first.id, second.id.slice(0, 8)]);
    expect(both).toEqual({
      code: 1,
      out: `expired ${second.id.slice(0, 8)}  device="pump-2"\n`,
      err: `error: silence ${first.id.slice(0, 8)} is over already\n`,
    });
    const again = await rig.run(["silence", "extend", first.id, "--for", "1h"]);
    expect([again.code, again.err]).toEqual([1, expect.stringContaining("is over already")]);
  }, 120_000);

  test("do nothing where one of them cannot be told", async () => {
    await add("device=pump-1", "--for", "1h");
    const [{ id }] = await listed();
    const refused = await rig.run(["silence", "expire", id, "nowhere", ""]);
    expect([refused.code, refused.err]).toEqual([
      1,
      'error: no silence has an id that begins with "nowhere"\nno silence has an id that begins with ""; watchpost silence list tells which there are\n',
    ]);
    expect(await listed()).toHaveLength(1);
    // Sixteen letters that ids begin with: some two of these begin alike.
    for (let i = 0; i < 17; i++) await add(`device=d${i}`, "--for", "1h");
    const ids = (await listed()).map((silence) => silence.id);
    const letter = [..."0123456789abcdef"].find((each) => ids.filter((one) => one.startsWith(each)).length > 1)!;
    const ambiguous = await rig.run(["silence", "extend", letter, "--for", "1h"]);
    expect([ambiguous.code, ambiguous.err]).toEqual([
      2,
      expect.stringMatching(/" stands for \d+ silences; wanted more letters of one of them:\n {2}\w+ {2}device="/),
    ]);
    const missing = await rig.run(["silence", "extend", id]);
    expect([missing.code, missing.err]).toEqual([2, expect.stringContaining("nothing says when it ends")]);
  }, 120_000);
});

test("times and states in words", () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const silence = (state: SilenceState, fromMs: number, toMs: number) =>
    create(SilenceSchema, { state, startsAt: timestampFromMs(nowMs + fromMs), endsAt: timestampFromMs(nowMs + toMs) });
  expect(stateWords(silence(SilenceState.ACTIVE, -1, 5_399_500), nowMs)).toBe("active, 1h30m left");
  expect(stateWords(silence(SilenceState.PENDING, 60_000, 90_000), nowMs)).toBe("begins in 1m, for 30s");
  expect(stateWords(silence(SilenceState.EXPIRED, -9, -86_400_000 * 2), nowMs)).toBe("over, 2d ago");
  expect([0, 100, 119_000, 121_000, 90_000_000].map(spanWords)).toEqual(["0s", "1s", "1m59s", "3m", "1d1h"]);
  expect(timeMsOf("--from", "+1h30m", nowMs)).toBe(nowMs + 5_400_000);
  expect(timeMsOf("--from", "-1h", nowMs)).toBe(nowMs - 3_600_000);
  expect(timeMsOf("--from", "2026-01-01T01:00:00+01:00", nowMs)).toBe(nowMs);
});
