import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { COLUMNS, columnsOf, isOnBoard, statusBeside } from "../../src/console/data/issue-board.ts";
import { IssueSchema, IssueStatus } from "../../src/wire/gen/issues_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { randomOf } from "../support/random.ts";

const ALL = { text: "", device: "", session: "", alert: "", priority: "", assignee: "" };
const issue = (init: MessageInitShape<typeof IssueSchema>) => create(IssueSchema, init);

test("the gravest come first, then the newest; of those that are over the ones that ended last", () => {
  const over = (number: bigint, endedMs: number) =>
    issue({ number, status: IssueStatus.RESOLVED, priority: "high", endedAt: timestampOfMs(endedMs) });
  const columns = columnsOf(
    [
      issue({ number: 1n, status: IssueStatus.OPEN, priority: "low" }),
      issue({ number: 2n, status: IssueStatus.OPEN, priority: "critical" }),
      issue({ number: 3n, status: IssueStatus.OPEN, priority: "low" }),
      ...[over(4n, 9_000), over(5n, 5_000)],
    ],
    ALL,
  );
  const numbers = (status: IssueStatus) => columns.get(status)!.map(({ number }) => Number(number));
  expect(COLUMNS.map(numbers)).toEqual([[2, 3, 1], [], [4, 5], []]);
});

test("all that is asked for must hold", () => {
  const one = issue({
    ...{ number: 12n, title: "Pump is loud", labels: ["works"], priority: "high", assignee: "ann" },
    links: { devices: ["pump-1"], sessionIds: ["night"], alertIds: ["70e3"] },
  });
  const takes = (filter: Partial<typeof ALL>) => isOnBoard(one, { ...ALL, ...filter });
  for (const text of ["", " LOUD ", "#12", "12", "wor"]) expect(takes({ text })).toBe(true);
  expect(takes({ device: "pump-1", session: "night", alert: "70e3", priority: "high", assignee: "ann" })).toBe(true);
  for (const filter of [{ text: "cold" }, { device: "pump" }, { session: "x" }, { alert: "70" }, { priority: "low" }]) {
    expect(takes(filter)).toBe(false);
  }
  expect(takes({ assignee: "bob" })).toBe(false);
});

test("moves go to the column beside and never off the board; each issue stands in one column", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = randomOf(seed);
    const issues = Array.from({ length: 20 }, (_, i) => issue({ number: BigInt(i + 1), status: IssueStatus.OPEN }));
    for (let step = 0; step < 200; step++) {
      const one = issues[Math.floor(random() * issues.length)];
      const by = random() < 0.5 ? 1 : -1;
      const before = COLUMNS.findIndex((status) => status === one.status);
      const next = statusBeside(one.status, by);
      expect(next).toBe(COLUMNS[before + by]);
      if (next !== undefined) one.status = next;
    }
    const columns = columnsOf(issues, ALL);
    const all = [...columns.values()].flat().map(({ number }) => Number(number));
    expect(all.sort((a, b) => a - b)).toEqual(issues.map(({ number }) => Number(number)));
  }
  expect(statusBeside(IssueStatus.UNSPECIFIED, 1)).toBeUndefined();
});
