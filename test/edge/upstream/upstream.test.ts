/** Forwarding to a receiver in the same process. */
import { expect, test } from "bun:test";
import { createPair, type Row } from "./rig.ts";

const T = Date.UTC(2025, 11, 31) * 1_000;

test("what is committed arrives live, once", async () => {
  const pair = await createPair();
  await pair.pass(100);
  pair.commit([
    [1, T, 1.5],
    [2, T, 2.5],
  ]);
  pair.commit([[1, T + 1, 3]]);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  expect(pair.received()).toHaveLength(3);
  const { sender, receiver } = await pair.ledgers();
  expect(sender).toEqual([
    ["gw0", 2],
    ["gw1", 1],
  ]);
  expect(receiver).toEqual(sender);
  await pair.upstream.close();
});

test("what was committed while nobody answered arrives afterwards, newest first", async () => {
  const pair = await createPair();
  pair.setReachable(false);
  for (let i = 0; i < 20; i++) pair.commit([[1 + (i % 3), T + i, i]]);
  await pair.pass(200);
  expect((await pair.upstream.status()).lastError).toContain("nobody answers");
  pair.setReachable(true);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  const { sender, receiver } = await pair.ledgers();
  expect(receiver).toEqual(sender);
  await pair.upstream.close();
});

test("a correction that comes while its point is on its way is not overwritten", async () => {
  const pair = await createPair();
  pair.setReachable(false);
  const rows: Row[] = [
    [1, T, 1],
    [1, T + 10, 2],
  ];
  pair.commit(rows);
  await pair.pass(200);
  pair.setReachable(true);
  // The part of the backlog is sent, and arrives after everything else.
  for (let i = 0; i < 100; i++) {
    await pair.pass(100, () => true);
    const backlog = pair.wires.find(({ name, isCut }) => name === "backlog" && !isCut);
    if (backlog !== undefined) break;
  }
  pair.commit([[1, T + 5, 7]]);
  pair.commit([[1, T, 99]]);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  await pair.upstream.close();
});
