/** `watchpost issues` and `watchpost issue` over a server of its own. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("cli-issues");
}, 120_000);

afterAll(() => rig.close());

interface Listed {
  readonly number: string;
  readonly [field: string]: unknown;
}

async function listed(...args: string[]): Promise<Listed[]> {
  const lines = (await rig.ok(["issues", "--json", ...args])).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Listed);
}

const rows = (out: string) => out.split("\n").map((line) => line.trim().split(/ {2,}/));
const issue = (...args: string[]) => rig.run(["issue", ...args]);

/** What is open from tests before. */
beforeEach(async () => {
  const numbers = (await listed()).map(({ number }) => number);
  if (numbers.length > 0) await rig.ok(["issue", "close", ...numbers]);
});

async function made(...args: string[]): Promise<string> {
  const { number } = JSON.parse(await rig.ok(["issue", "create", "--json", ...args])) as Listed;
  return number;
}

describe("create and show", () => {
  test("an issue has what it was given, and is told by its number", async () => {
    const args = ["pump is loud", "-m", "since noon\nat full load", "--priority", "high", "--assign", "bob"];
    const created = await rig.ok([
      "issue",
      "create",
      ...args,
      "--label",
      "bearing",
      "--label",
      "noise",
      "--device",
      "p 1",
    ]);
    expect(created).toMatch(/^created #\d+ {2}high {2}open {2}pump is loud\n$/);
    const [{ number }] = await listed();
    const page = await rig.ok(["issue", "show", `#${number}`]);
    expect(page.split("\n")).toEqual([
      `Issue        #${number} pump is loud`,
      "Status       open",
      "Priority     high",
      "Assignee     bob",
      "Labels       bearing, noise",
      "Devices      p 1",
      expect.stringMatching(/^Created {6}\d{4}-\S+Z by ann$/),
      expect.stringMatching(/^Changed {6}\d{4}-\S+Z by ann, revision 1$/),
      "Description  since noon",
      "             at full load",
      "",
      expect.stringMatching(/^TIME +BY +WHAT$/),
      expect.stringMatching(/^\d{4}-\S+Z {2}ann {2}created$/),
      "",
    ]);
    expect(await listed("--label", "noise", "--label", "bearing", "--assignee", "bob", "--device", "p 1")).toHaveLength(
      1,
    );
  }, 120_000);

  test("hostile text steers no terminal", async () => {
    const number = await made("a\u001b[31mb\u202e", "-m", "x\u0007y", "--user", "\u001bm");
    const page = await rig.ok(["issue", "show", number]);
    expect(page).toContain(`#${number} a\ufffd[31mb\ufffd\n`);
    expect(page).toContain("x\ufffdy\n");
    expect(await rig.ok(["issues"])).not.toMatch(/[\u001b\u202e]/);
  }, 120_000);

  test("says what is wrong, and makes none", async () => {
    for (const [args, sentence] of [
      [["create"], "missing required argument 'title'"],
      [["create", "a\nb"], "wanted one line of text"],
      [["create", "a", "--priority", "urgent"], "wanted low, medium, high, critical"],
      [["create", "a", "--alert", "nowhere"], "no alert has an id that begins with"],
      [["create", "a", "--session", "no/id"], 'session_id is "no/id"'],
      [["show", "twelve"], "wanted the number of an issue"],
      [["show", "999"], "there is no issue 999"],
      [["update", "1"], "nothing to change is given"],
      [["update", "1", "--status", "done"], "wanted open, in-progress, resolved, closed"],
      [["update", "1", "--unlink", "pump"], "wanted alert:NAME, device:NAME"],
      [["comment", "1"], "required option '-m, --message <text>' not specified"],
      [["comment", "1", "-m", " "], "wanted some text"],
    ] as const) {
      const { code, err } = await issue(...args);
      expect([args.join(" "), code === 0, err]).toEqual([args.join(" "), false, expect.stringContaining(sentence)]);
    }
    expect(await listed()).toEqual([]);
  }, 120_000);
});

describe("update, comment and close", () => {
  test("change what they are told, and say what it is then", async () => {
    const number = await made("press runs hot", "--label", "hot");
    const updated = await issue("update", number, "--status", "in-progress", "--assign", "bob", "-m", "on my way");
    expect(updated).toEqual({ code: 0, out: `updated #${number}  medium  in progress  press runs hot\n`, err: "" });
    await issue(
      "update",
      number,
      "--label",
      "oil",
      "--remove-label",
      "hot",
      "--device",
      "p1",
      "--title",
      "press 4",
      "--assign",
      "",
    );
    await issue("comment", number, "-m", "two\nlines", "--user", "eve");
    await issue("update", number, "--unlink", "device:p1", "--description", "long", "--priority", "low");
    expect((await issue("close", number, "--resolved", "-m", "cooled")).out).toBe(
      `resolved #${number}  low  resolved  press 4\n`,
    );
    expect((await issue("close", number)).out).toBe(`closed #${number}  low  closed  press 4\n`);
    const what = rows(await rig.ok(["issue", "show", number])).slice(-8, -1);
    expect(what.map(([, by, said]) => `${by}: ${said}`)).toEqual([
      "ann: created",
      'ann: status open -> in progress, assignee nobody -> bob: "on my way"',
      "ann: title press runs hot -> press 4, assignee bob -> nobody, label -hot, label +oil, link +device:p1",
      'eve: "two lines"',
      "ann: description changed, priority medium -> low, link -device:p1",
      'ann: status in progress -> resolved: "cooled"',
      "ann: status resolved -> closed",
    ]);
    const { issue: whole } = JSON.parse(await rig.ok(["issue", "show", number, "--json"])) as {
      issue: { comments: unknown[] };
    };
    expect(whole.comments).toMatchObject([
      { text: "on my way" },
      { userId: "eve", text: "two\nlines" },
      { text: "cooled" },
    ]);
  }, 120_000);

  test("an edit of a revision that is not the last is refused, with who was faster", async () => {
    const number = await made("a");
    await rig.ok(["issue", "update", number, "--title", "bob's", "--user", "bob", "--revision", "1"]);
    const late = await issue("update", number, "--title", "mine", "--revision", "1");
    expect([late.code, late.err]).toEqual([
      1,
      expect.stringContaining(`issue ${number} is at revision 2, made by "bob" at `),
    ]);
    expect((await listed())[0]).toMatchObject({ title: "bob's", revision: "2" });
  }, 120_000);

  test("one that is not there is said, and the others go on", async () => {
    const number = await made("a");
    expect(await issue("close", "998", number, number, "999")).toEqual({
      code: 1,
      out: `closed #${number}  medium  closed  a\n`,
      err: "error: there is no issue 998\nerror: there is no issue 999\n",
    });
  }, 120_000);
});

describe("issues", () => {
  test("lists what is open, the newest first, without columns that say nothing", async () => {
    expect(await rig.ok(["issues"])).toBe("no issue is open\n");
    expect(await rig.ok(["issues", "--text", "none"])).toBe("no issue matches\n");
    const first = await made("first", "--priority", "critical");
    const second = await made("second");
    const third = await made("third");
    await rig.ok(["issue", "close", second]);
    const table = rows(await rig.ok(["issues"]));
    expect(table[0]).toEqual(["ISSUE", "PRIORITY", "STATUS", "CHANGED", "TITLE"]);
    expect(table.slice(1, 3).map(([number, priority, status, , title]) => [number, priority, status, title])).toEqual([
      [`#${third}`, "medium", "open", "third"],
      [`#${first}`, "critical", "open", "first"],
    ]);
    expect(table[3]).toEqual(["2 issues: 1 critical, 1 medium"]);
    expect((await rig.ok(["issues", "--limit", "1"])).split("\n").at(-2)).toBe(
      "the newest 1; --limit shows more: 1 medium",
    );
    expect((await listed("--status", "closed", "--text", "SECOND")).map(({ number }) => number)).toEqual([second]);
    expect((await listed("--status", "all", "--limit", "2")).map(({ number }) => number)).toEqual([third, second]);
    expect((await listed("--priority", "high,critical")).map(({ number }) => number)).toEqual([first]);
    await rig.ok(["issue", "update", third, "--assign", "bob", "--label", "hot"]);
    expect(rows(await rig.ok(["issues"]))[0]).toEqual([
      "ISSUE",
      "PRIORITY",
      "STATUS",
      "CHANGED",
      "ASSIGNEE",
      "LABELS",
      "TITLE",
    ]);
    expect((await listed("--unassigned")).map(({ number }) => number)).toEqual([first]);
    const both = await rig.run(["issues", "--unassigned", "--assignee", "bob"]);
    expect([both.code, both.err]).toEqual([2, expect.stringContaining("cannot be used with")]);
  }, 120_000);

  test("live: what stands, then a line for each change, also over a restart of the server", async () => {
    const number = await made("pump is loud", "--label", "live");
    const lines = rig.follow(["issues", "--watch", "--label", "live"]);
    const json = rig.follow(["issues", "--watch", "--json", "--label", "live"]);
    await Promise.all([lines.until((all) => all.length === 1), json.until((all) => all.length === 2)]);
    await rig.ok(["issue", "update", number, "--assign", "bob", "-m", "look"]);
    await lines.until((all) => all.length === 2);
    await rig.restart();
    await rig.ok(["issue", "close", number, "--user", "bob"]);
    await Promise.all([lines.until((all) => all.length === 3), json.until((all) => all.length === 4)]);
    expect(lines.lines.map((line) => line.replace(/^\S+Z/, "TIME"))).toEqual([
      `TIME  #${number}  medium  open  pump is loud`,
      `TIME  #${number}  medium  open  pump is loud  assignee nobody -> bob: "look"  by ann`,
      `TIME  #${number}  medium  closed  pump is loud  status open -> closed  by bob  (left the list)`,
    ]);
    expect(json.lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { issue: { number } },
      { snapshotEnd: true },
      { issue: { number }, event: { userId: "ann", revision: "2" } },
      { removed: true, event: { changes: [{ field: "status", before: "open", after: "closed" }] } },
    ]);
    const [ended] = await Promise.all([lines.interrupt(), json.interrupt()]);
    expect(ended.code).toBe(0);
    const together = await rig.run(["issues", "--watch", "--limit", "3"]);
    expect([together.code, together.err]).toEqual([
      2,
      expect.stringContaining("--limit and --watch are given together"),
    ]);
  }, 120_000);
});

describe("in a session", () => {
  const send = async (message: string, metadata: Record<string, string> = {}) => {
    const answer = await fetch(`http://${rig.server.http}/analytics.Collaboration/SendMessage`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sessionId: "night", userId: "eve", messageType: "issue", message, metadata }),
    });
    return (await answer.json()) as { message?: { metadata: Record<string, string>; issue: Listed }; code?: string };
  };
  const messages = async () => {
    const answer = await fetch(`http://${rig.server.http}/analytics.Collaboration/ListMessages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sessionId: "night" }),
    });
    const { messages: all } = (await answer.json()) as { messages: Record<string, unknown>[] };
    return all
      .filter(({ messageType }) => messageType === "issue")
      .map(({ userId, message }) => `${userId}: ${message}`);
  };

  test("a message of type issue makes, changes and comments one, and others' changes are told there", async () => {
    const { message } = await send("pump is loud\nsince noon", { priority: "high", device: "p1" });
    const number = message!.issue.number;
    expect(message).toMatchObject({ metadata: { number }, issue: { title: "pump is loud", priority: "high" } });
    await send("looking", { number, status: "in progress", assignee: "eve" });
    expect(await send("x", { number: "4711" })).toMatchObject({ code: "not_found" });
    await rig.ok(["issue", "comment", number, "-m", "from outside"]);
    const other = await made("other", "--session", "night");
    expect(await messages()).toEqual([
      "eve: pump is loud\nsince noon",
      "eve: looking",
      `ann: issue ${number}, pump is loud: comment\nfrom outside`,
      `ann: issue ${other}, other: created`,
    ]);
    expect((await listed("--session", "night")).map((one) => one.number)).toEqual([other, number]);
    expect((await listed("--session", "night"))[1]).toMatchObject({
      description: "since noon",
      assignee: "eve",
      status: "ISSUE_STATUS_IN_PROGRESS",
    });
  }, 120_000);
});
