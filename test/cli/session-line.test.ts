import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { dayOf, paintedLines, paintedName, plainLine } from "../../src/cli/session-line.ts";
import { CollaborationMessageSchema } from "../../src/wire/gen/collaboration_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";

const AT_MS = Date.UTC(2026, 2, 1, 8, 14, 30);

function message(more: MessageInitShape<typeof CollaborationMessageSchema>) {
  const base = { userId: "ann", messageType: "chat", number: 7n, timestamp: timestampOfMs(AT_MS) };
  return create(CollaborationMessageSchema, { ...base, ...more } as never);
}

/** Without colours and the time of day, which depends on where the test runs. */
function painted(more: MessageInitShape<typeof CollaborationMessageSchema>, columns = 80): string[] {
  const [first, ...others] = paintedLines(message(more), "zed", columns).map((line) => Bun.stripANSI(line));
  expect(first.slice(0, 9)).toMatch(/^\d\d:\d\d:\d\d $/);
  return [first.slice(9), ...others];
}

describe("on a terminal", () => {
  test("what is said, done and told", () => {
    expect(painted({ message: "hello" })).toEqual(["ann: hello"]);
    const action = { action: "acknowledge", result: "acknowledged high alert ‘hot’" };
    expect(painted({ messageType: "action", message: "on my way", metadata: action })).toEqual([
      "* ann acknowledged high alert ‘hot’: on my way",
    ]);
    const annotation = { pin: { metric: "t", device: "p1" }, text: "noisy" };
    expect(painted({ messageType: "annotation", message: "noisy", annotation })).toEqual([
      "* ann annotated t p1: noisy",
    ]);
    const issue = { number: 12n, title: "loud", revision: 4n };
    const status = { number: "12", status: "resolved" };
    expect(painted({ messageType: "issue", message: "oiled", metadata: status, issue })).toEqual([
      "* ann issue 12 ‘loud’: status resolved: oiled",
    ]);
    expect(painted({ messageType: "issue", message: "loud\nvery", issue: { ...issue, revision: 1n } })).toEqual([
      "* ann opened issue 12 ‘loud’",
    ]);
    const told = "issue 12, loud: status open -> resolved\noiled";
    expect(painted({ messageType: "issue", message: told, issue })).toEqual([
      "* ann issue 12, loud: status open -> resolved",
      "         oiled",
    ]);
    const members = ["a", "b", "c", "d", "e", "f"].map((userId) => ({ userId, userName: userId === "b" ? "Bob" : "" }));
    expect(painted({ messageType: "system", message: "x", metadata: { event: "joined" }, members })).toEqual([
      "a, b (Bob), c, d, e and 1 more joined",
    ]);
    const renamed = { event: "renamed", was: "guest" };
    expect(painted({ messageType: "system", message: "x", metadata: renamed, members: [members[1]] })).toEqual([
      "guest is now b (Bob)",
    ]);
    expect(painted({ messageType: "system", message: "closed by ann", metadata: { event: "closed" } })).toEqual([
      "closed by ann",
    ]);
    expect(painted({ messageType: "later", message: "than this client" })).toEqual(["ann: than this client"]);
  });

  test("no line of a message looks like another message, however wide the terminal is", () => {
    const fake = `${"x".repeat(30)}\r12:00:00 bob: fake\n12:00:00 bob: fake 漢字かな交じり文漢字かな交じり文`;
    for (let columns = 20; columns < 90; columns++) {
      const lines = paintedLines(message({ message: fake }), "zed", columns);
      for (const line of lines.slice(1)) expect(line).toMatch(/^ {9}/);
      for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
    }
  });

  test("nothing that steers a terminal is left, and pictures are whole", () => {
    const nasty = "\x1b[2J\x1b]0;t\x07\x9b1m\u202e\u2066\u200b\ufeff\x00\u2028";
    const family = "👩\u200d👩\u200d👧";
    const lines = paintedLines(message({ userId: nasty, message: `${nasty}${family}\t.` }), "zed", 200);
    const [line] = lines.map((each) => Bun.stripANSI(each));
    expect(lines.length).toBe(1);
    expect(line.slice(9)).toBe(`�[2J�]0;t��1m������: �[2J�]0;t��1m������${family}    .`);
  });

  test("what is very long is cut, and says so", () => {
    const lines = painted({ message: "line\n".repeat(1_000) });
    expect(lines.length).toBe(61);
    expect(lines.at(-1)).toBe("         … 4,701 more characters");
    const wide = painted({ message: "x".repeat(64_000) }, 1_009);
    expect(wide.length).toBe(10);
    expect(wide.at(-1)).toBe("         … 56,000 more characters");
  });

  test("a name has one colour, which others may have; one's own has none", () => {
    expect(paintedName("ann", "zed")).toBe(paintedName("ann", "eve"));
    expect(Bun.stripANSI(paintedName("n".repeat(300), "zed")).length).toBe(24);
  });
});

test("through a pipe: one line, in UTC", () => {
  expect(plainLine(message({ message: " a\n\tb\x1b[31m " }))).toBe("2026-03-01T08:14:30Z  7  ann  a b\ufffd[31m\n");
  expect(plainLine(message({ messageType: "system", message: "closed", userId: "" }))).toBe(
    "2026-03-01T08:14:30Z  7  -  closed\n",
  );
  expect(dayOf(message({}))).toMatch(/^\w{3} \w{3} \d\d 2026$/);
});
