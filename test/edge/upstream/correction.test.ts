/** What was corrected stays so, whichever of the two streams is slower. */
import { expect, test } from "bun:test";
import { createPair, type Row } from "./rig.ts";

const T = Date.UTC(2025, 11, 31) * 1_000;

test("a correction that the backlog brings does not overtake what it corrects on a slow live stream", async () => {
  const pair = await createPair();
  await pair.pass(200);
  const wireOf = (name: string) => pair.wires.find((wire) => wire.name === name && !wire.isCut)!;
  const backlog = wireOf("backlog");
  const rows = (value: number): Row[] => Array.from({ length: 60_000 }, (_, i): Row => [1, T + i, value]);
  /** Time in which only the backlog's connection moves. */
  const passOnBacklog = async (ms: number) => {
    for (let i = 0; i < 8; i++) {
      await new Promise((resolve) => void setImmediate(resolve));
      while (backlog.step());
      pair.clock.advance(ms / 8);
      await new Promise((resolve) => void setImmediate(resolve));
    }
  };
  // More than may be on its way: the correction is left to the backlog.
  for (let value = 1; value <= 3; value++) pair.commit(rows(value));
  await passOnBacklog(200);
  pair.commit([[1, T, 99]]);
  await passOnBacklog(2_000);
  await passOnBacklog(2_000);
  expect(wireOf("live").up.length).toBeGreaterThan(0);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  expect(pair.sent().some((point) => point.endsWith("=99"))).toBe(true);
  await pair.upstream.close();
});
