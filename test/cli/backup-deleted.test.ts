/** A backup and what came of its points: series that were deleted before stay deleted, rollups come along. */
import { afterAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { startServerProcess, tempDir } from "../support/server-process.ts";
import { commandRunner } from "./command-runner.ts";

const ENV = { WATCHPOST_STORE_HEAD_POINTS_MAX: "10000" };
const POINTS = 30_000;

const runner = commandRunner("/", () => ({ PATH: process.env["PATH"] ?? "", NO_COLOR: "1" }));
const run = (args: readonly string[], stdin = "") => runner.run(args, { stdin });
afterAll(() => runner.close());

function lines(metric: string, count: number): string {
  const startS = Date.UTC(2026, 2, 30) / 1_000;
  const rows = Array.from({ length: count }, (_, i) => {
    return JSON.stringify({ metric, value: i % 100, timestamp: startS + i, tags: { device: "p1" } });
  });
  return rows.join("\n");
}

test("deleted series stay deleted after a restore and rollups are there; the answers are the same", async () => {
  using dir = tempDir("backup");
  const file = join(dir.path, "b.tar");
  const restored = join(dir.path, "restored");
  const answersOf = async (server: string) => {
    const query = ["query", "kept", "--from", "2026-03-30", "--to", "2026-04-02", "--step", "1h", "--csv"];
    const { out: values } = await run([...query, "--server", server]);
    const { out: series } = await run(["series", "--server", server]);
    return { values, series };
  };

  const server = await startServerProcess({ data: join(dir.path, "data"), env: ENV });
  await run(["upload", "-", "--source", "s", "--server", server.grpc], lines("kept", POINTS));
  await run(["upload", "-", "--source", "s", "--server", server.grpc], lines("gone", 100));
  // They are made in the background.
  while (!readdirSync(join(dir.path, "data")).some((name) => name.startsWith("rollup-"))) await Bun.sleep(20);
  expect((await run(["delete", "gone", "--yes", "--server", server.grpc])).code).toBe(0);
  const before = await answersOf(server.grpc);
  expect(before.series).toContain("kept");
  expect((await run(["backup", file, "--server", server.grpc])).code).toBe(0);
  await server.stop();

  expect(await run(["verify", file])).toMatchObject({ code: 0, out: expect.stringContaining("1 series") });
  expect((await run(["restore", file, "--data", restored])).code).toBe(0);
  expect(readdirSync(restored)).toContainEqual(expect.stringMatching(/^rollup-/));
  expect(await run(["verify", "--data", restored])).toMatchObject({ code: 0 });
  const again = await startServerProcess({ data: restored, env: ENV });
  expect(await answersOf(again.grpc)).toEqual(before);
  // Its id is not given again: no point of the old series comes back under the name.
  await run(["upload", "-", "--source", "s", "--server", again.grpc], lines("gone", 1));
  const { out } = await run([
    "query",
    "gone",
    "--from",
    "2026-03-30",
    "--to",
    "2026-04-02",
    "--csv",
    "--server",
    again.grpc,
  ]);
  expect(out.trim().split("\n")).toHaveLength(2);
  expect(await again.stop()).toBe(0);
  expect(await run(["verify", "--data", restored])).toMatchObject({ code: 0 });
}, 180_000);
