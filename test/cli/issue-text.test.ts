/** Issues as text: tables that fit, screens, lines for changes. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "bun:test";
import { issueTable, updateLine } from "../../src/cli/issue-text.ts";
import { issueScreen } from "../../src/cli/watch-issues.ts";
import { IssueSchema, IssueStatus, IssueUpdateSchema } from "../../src/wire/gen/issues_pb.ts";

const NOW_MS = Date.UTC(2026, 0, 1);
const plain = (text: string) => Bun.stripANSI(text);

function issue(number: number, more: MessageInitShape<typeof IssueSchema> = {}) {
  return create(IssueSchema, {
    number: BigInt(number),
    title: `pump ${number} is loud`,
    status: IssueStatus.OPEN,
    priority: "high",
    revision: 1n,
    updatedAt: timestampFromMs(NOW_MS - 60_000),
    ...more,
  });
}

test("a table is cut to the width of a terminal, and its numbers stand below each other", () => {
  const lines = issueTable([issue(12), issue(7, { assignee: "ann", title: "x".repeat(200) })], NOW_MS, 60).map(plain);
  expect(lines.slice(0, 2)).toEqual([
    "ISSUE  PRIORITY  STATUS  CHANGED  ASSIGNEE  TITLE",
    "  #12  high      open    60s ago            pump 12 is loud",
  ]);
  expect(lines[2]).toStartWith("   #7  high      open    60s ago  ann       xxx");
  expect(lines.every((line) => Bun.stringWidth(line) <= 60)).toBe(true);
  expect(issueTable([], NOW_MS)).toEqual([]);
});

test("a change is one line, whatever was written", () => {
  const at = timestampFromMs(NOW_MS);
  const changes = [
    { field: "status", before: "open", after: "in_progress" },
    { field: "comment", before: "", after: "two\nlines\u001b[2J" },
  ];
  const update = create(IssueUpdateSchema, {
    issue: issue(3),
    event: { at, userId: "b\u202eob", revision: 2n, changes },
  });
  expect(plain(updateLine(update))).toBe(
    '2026-01-01T00:00:00Z  #3  high  open  pump 3 is loud  status open -> in progress: "two lines\ufffd[2J"  by b\ufffdob',
  );
  const stands = create(IssueUpdateSchema, { issue: issue(4) });
  expect(plain(updateLine(stands))).toBe("2025-12-31T23:59:00Z  #4  high  open  pump 4 is loud");
});

test("a screen has as many issues as fit, and says what is wrong", () => {
  const issues = Array.from({ length: 20 }, (_, i) => issue(20 - i));
  const lines = plain(issueScreen(issues, "gw:50051", "not connected\u001b", { columns: 50, rows: 10 })).split("\n");
  expect(lines[0]).toStartWith("Watchpost gw:50051  20 issues: 20 high");
  expect(lines.slice(1, 4)).toEqual([
    "not connected\ufffd",
    expect.stringMatching(/^ISSUE {2}PRIORITY {2}STATUS {2}CHANGED +TITLE$/),
    expect.stringContaining("#20  high"),
  ]);
  expect(lines.at(-1)).toBe("… 15 more");
  expect(lines.length).toBeLessThan(10);
  expect(lines.every((line) => Bun.stringWidth(line) <= 50)).toBe(true);
  expect(plain(issueScreen([], "s", "", { columns: 80, rows: 10 }))).toMatch(
    /^Watchpost s {2}no issues {2}.* {2}Ctrl-C ends$/,
  );
  expect(plain(issueScreen(undefined, "s", "", { columns: 80, rows: 10 }))).not.toContain("no issues");
});
