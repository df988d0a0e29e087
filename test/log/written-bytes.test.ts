/** What is counted as written to the disk. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { threadWrittenBytes, WrittenBytes } from "../../src/log/written-bytes.ts";
import { testNeeding } from "../support/needs.ts";
import { tempDir } from "../support/server-process.ts";

testNeeding([threadWrittenBytes() === undefined && "a system that counts what a thread writes"])(
  "what a thread writes is counted to the byte, by what it is for, also where it fails",
  () => {
    using dir = tempDir("written");
    const written = new WrittenBytes();
    const write = (bytes: number) => writeFileSync(join(dir.path, "file"), new Uint8Array(bytes));
    written.during("seal", 1, () => write(12_345));
    expect(written.during("merge", 0, () => "result")).toBe("result");
    expect(() =>
      written.during("seal", 1, () => {
        write(5);
        throw new Error("full");
      }),
    ).toThrow("full");
    expect(written.totals).toEqual({ seal: 12_350, merge: 0 });
  },
);

test("where the system does not tell it is estimated: pages of the content and of a transaction", () => {
  const written = new WrittenBytes(() => undefined);
  written.during("seal", 4_097, () => {});
  written.add("seal", 1);
  expect(written.totals).toEqual({ seal: (2 + 9) * 4_096 + 1 });
});
