import { expect, test } from "bun:test";
import { textTable, type Column } from "../../src/cli/text-table.ts";

interface Row {
  readonly name: string;
  readonly n: number;
  readonly note: string;
}

test("columns are as wide as what they hold, in columns of the terminal; numbers stand to the right", () => {
  const columns: Column<Row>[] = [
    { title: "NAME", cell: ({ name }) => name },
    { title: "N", right: true, cell: ({ n }) => String(n) },
    { title: "NOTE", cell: ({ note }) => note },
  ];
  const rows = [
    { name: "温度", n: 5, note: "" },
    { name: "pressure", n: 120, note: "high" },
  ];
  expect(textTable(columns, rows)).toBe(["NAME        N  NOTE", "温度        5", "pressure  120  high", ""].join("\n"));
  expect(textTable(columns, [])).toBe("");
});
