/** `annotate` and `annotations` over a server of their own, and the charts of `query`. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { program, testNeeding } from "../support/needs.ts";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("cli-annotations");
}, 120_000);

afterAll(() => rig.close());

type Json = Readonly<Record<string, unknown>>;

async function listed(...args: string[]): Promise<Json[]> {
  const out = await rig.ok(["annotations", "--json", ...args]);
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Json);
}

const rows = (out: string) =>
  out
    .trimEnd()
    .split("\n")
    .map((line) => line.trim().split(/ {2,}/));
const id = expect.stringMatching(/^[0-9a-f]{8}$/);

test("made, listed, edited and removed by the first letters of the id", async () => {
  expect(await rig.run(["annotations"])).toEqual({ code: 0, out: "there are no annotations\n", err: "" });
  const made = await rig.ok(["annotate", "new bearing", "--device", "pump-1", "--at", "2026-01-01T10:00:00Z"]);
  expect(rows(made)).toEqual([["2026-01-01T10:00:00Z", id, "annotated", "ann", "pump-1", "new bearing"]]);
  const span = ["--from", "2026-01-01T11:00:00Z", "--to", "2026-01-01T12:00:00Z"];
  const pins = ["--metric", "temperature", "--series-tag", "site=north", "--session", "inc-7"];
  await rig.ok(["annotate", "too hot\n\u001b[31m", ...pins, ...span, "--tag", "a", "--tag", "b", "--user", "bob"]);
  expect(rows(await rig.ok(["annotations"]))).toEqual([
    ["ID", "FROM", "TO", "ABOUT", "BY", "TAGS", "TEXT"],
    [id, "2026-01-01T11:00:00Z", "2026-01-01T12:00:00Z", "temperature site=north", "bob", "a,b", "too hot \ufffd[31m"],
    [id, "2026-01-01T10:00:00Z", "-", "pump-1", "ann", "new bearing"],
  ]);
  const [other, first] = await listed();
  expect(other).toMatchObject({ text: "too hot\n\u001b[31m", tags: ["a", "b"], madeIn: "inc-7", author: "bob" });
  const short = String(first["id"]).slice(0, 8);
  expect(rows(await rig.ok(["annotate", "bearing, drive side", "--edit", short, "--tag", "works"]))[0]).toEqual([
    "2026-01-01T10:00:00Z",
    short,
    "edited",
    "ann",
    "pump-1",
    "bearing, drive side",
  ]);
  expect((await listed("--tag", "works"))[0]).toMatchObject({ id: first["id"], revision: "2", tags: ["works"] });
  await rig.ok(["annotate", "--remove", short]);
  expect(await listed("--device", "pump-1")).toEqual([]);
  expect((await listed("--device", "pump-1", "--removed"))[0]).toMatchObject({ removed: true, revision: "3" });
  expect(await rig.ok(["annotations", "--device", "pump-1"])).toBe("no annotation matches\n");
}, 120_000);

test("filters, a limit, and what is shown of many", async () => {
  for (const minute of [1, 2, 3]) {
    const at = `2026-02-01T00:0${minute}:00Z`;
    await rig.ok(["annotate", `note ${minute}`, "--metric", "load", "--device", `d${minute}`, "--at", at]);
  }
  const texts = async (...args: string[]) => (await listed("--metric", "lo*", ...args)).map(({ text }) => text);
  expect(await texts()).toEqual(["note 3", "note 2", "note 1"]);
  expect(await texts("--device", "d[12]|d1|d3")).toEqual(["note 3", "note 1"]);
  expect(await texts("--from", "2026-02-01T00:02:00Z", "--to", "2026-02-01T00:03:00Z")).toEqual(["note 2"]);
  expect(await texts("--text", "NOTE 2", "--author", "ann")).toEqual(["note 2"]);
  expect(await texts("--limit", "2")).toEqual(["note 3", "note 2"]);
  expect(await rig.ok(["annotations", "--metric", "load", "--limit", "2"])).toEndWith(
    "the latest 2; --limit shows more\n",
  );
}, 120_000);

test("live, over a restart of the server", async () => {
  const plain = rig.follow(["annotations", "--watch", "--device", "live-*", "--from", "-1h"]);
  const json = rig.follow(["annotations", "--watch", "--device", "live-*", "--json"]);
  await json.until((lines) => lines.length === 1);
  await rig.ok(["annotate", "one", "--device", "live-1"]);
  await json.until((lines) => lines.length === 2);
  await plain.until((lines) => lines.length === 1);
  await rig.restart();
  await rig.ok(["annotate", "two", "--device", "live-2"]);
  await rig.ok(["annotate", "elsewhere", "--device", "other"]);
  const [made] = await listed("--device", "live-2");
  await rig.ok(["annotate", "--remove", String(made["id"])]);
  const events = (await json.until((lines) => lines.length === 4)).map((line) => JSON.parse(line) as Json);
  expect(
    events.map(({ annotation, removed, snapshotEnd }) => [
      (annotation as Json | undefined)?.["text"],
      removed ?? false,
      snapshotEnd ?? false,
    ]),
  ).toEqual([
    [undefined, false, true],
    ["one", false, false],
    ["two", false, false],
    ["two", true, false],
  ]);
  const lines = await plain.until((all) => all.length === 3);
  expect(rows(lines.at(-1)!)[0].slice(2)).toEqual(["removed", "ann", "live-2", "two"]);
  expect((await json.interrupt()).code).toBe(0);
  expect((await plain.interrupt()).code).toBe(0);
}, 120_000);

async function post(method: string, request: Json): Promise<Json> {
  const answer = await fetch(`http://${rig.server.http}/analytics.Collaboration/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  return (await answer.json()) as Json;
}

test("made by a message in a session, once however often it is sent; what is done about it elsewhere is told there", async () => {
  const metadata = { device: "valve-1", tags: "works", client_message_id: "m1" };
  const said = { userId: "cleo", sessionId: "inc-9", messageType: "annotation", message: "stuck", metadata };
  const { message } = await post("SendMessage", said);
  expect(await post("SendMessage", said)).toMatchObject({ repeated: true });
  const [made, ...more] = await listed("--device", "valve-1");
  expect(more).toEqual([]);
  expect(made).toMatchObject({ text: "stuck", author: "cleo", tags: ["works"], madeIn: "inc-9" });
  expect((message as Json)["annotation"]).toEqual(made);
  await rig.ok(["annotate", "stuck half open", "--edit", String(made["id"])]);
  await post("SendMessage", { ...said, message: "", metadata: { id: made["id"], action: "remove" } });
  const wrong = { ...said, metadata: { from: "soon" } };
  expect(await post("SendMessage", wrong)).toMatchObject({ code: "invalid_argument" });
  const { messages } = await post("ListMessages", { sessionId: "inc-9" });
  const told = (messages as Json[]).filter(({ messageType }) => messageType === "annotation");
  expect(told.map(({ userId, message: text, metadata: all }) => [userId, text, (all as Json)["action"]])).toEqual([
    ["cleo", "stuck", "create"],
    ["ann", "stuck half open", "edit"],
    ["cleo", "stuck half open", "remove"],
  ]);
}, 120_000);

test("what is wrong is said, with what was wanted", async () => {
  const said = async (...args: string[]) => {
    const { code, err } = await rig.run(args);
    return `${code} ${err.trimEnd()}`;
  };
  expect(await said("annotate", "x")).toBe(
    "2 error: nothing says what it is about; wanted --metric, --device, --source, --series-tag, --alert or --session",
  );
  expect(await said("annotate", "--device", "d")).toStartWith("2 error: no text is given");
  expect(await said("annotate", "x", "--device", "d", "--to", "now")).toStartWith("2 error: --to is given alone");
  expect(await said("annotate", "x", "--metric", "t_*")).toContain(
    'pin.metric is "t_*"; wanted the name of one metric',
  );
  expect(await said("annotate", "x", "--device", "d", "--at", "soon")).toContain('--at is "soon"; wanted ISO 8601');
  expect(await said("annotate", "x", "--device", "d", "--series-tag", "north")).toContain("wanted KEY=VALUE");
  expect(await said("annotate", "x", "--edit", "zz")).toStartWith(
    '1 error: no annotation has an id that begins with "zz"',
  );
  expect(await said("annotate", "--edit", "zz")).toStartWith("2 error: --edit is given alone");
  expect(await said("annotate", "x", "--remove", "zz")).toStartWith("2 error: --remove is given with something else");
  expect(await said("annotate", "x", "--edit", "zz", "--device", "d")).toContain(
    "what an annotation is about cannot be changed",
  );
  expect(await said("annotate", "x", "--alert", "zz")).toStartWith('1 error: no alert has an id that begins with "zz"');
  expect(await said("annotations", "--alert", "zz")).toStartWith('1 error: no alert has an id that begins with "zz"');
}, 120_000);

testNeeding([program("script")])(
  "charts have what is annotated on their series below them",
  async () => {
    for (const value of [1, 2, 3]) await rig.send("chart-1", value);
    await rig.ok(["annotate", "of the device", "--device", "chart-1"]);
    await rig.ok(["annotate", "of another", "--device", "chart-2"]);
    await rig.ok(["annotate", "of the metric\u202e", "--metric", "t", "--at", "-10m"]);
    await rig.ok(["annotate", "of some", "--metric", "t", "--series-tag", "site=north"]);
    const { out } = await rig.onTerminal(["query", "t", "--filter", "device=chart-1"]);
    const lines = out.split("\n").map((line) => line.trim());
    const axis = lines.findIndex((line) => line.startsWith("└"));
    expect(lines[axis + 1]).toMatch(/^a.*b$/);
    expect(lines.slice(axis + 3, axis + 6).map((line) => line.replace(/^(\w) {2}\S+ {2}/, "$1 "))).toEqual([
      "a ann: of the metric\ufffd",
      "b ann: of the device",
      "",
    ]);
  },
  120_000,
);
