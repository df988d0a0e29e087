/** What a stream still has to send: what is kept is sent or ends it, what passes by is left out while its reader is slow. */
import { describe, expect, test } from "bun:test";
import { Outbox } from "../../src/collaboration/outbox.ts";
import { WatchpostError } from "../../src/model/errors.ts";

const MESSAGES_MAX = 2_000;
const BYTES_MAX = 4 * 1024 * 1024;
const PASSING_MAX = 100;

const message = (n: number) => new Uint8Array([n >> 8, n & 255]);

async function drained(outbox: Outbox): Promise<number[]> {
  const got: number[] = [];
  for await (const [high, low] of outbox) got.push(high * 256 + low);
  return got;
}

describe("an outbox", () => {
  test("gives what it was given, in order, also to one who waits already", async () => {
    const outbox = new Outbox();
    const waiting = outbox.next();
    outbox.push(message(1));
    outbox.push(message(2));
    expect(await waiting).toEqual({ done: false, value: message(1) });
    outbox.push(message(3));
    outbox.end();
    expect(outbox.push(message(4))).toBe(true);
    expect(await drained(outbox)).toEqual([2, 3]);
    expect(await outbox.next()).toEqual({ done: true, value: undefined });
  });

  test("holds so many messages; with one more it ends, and what waited is dropped: the reader goes on from its cursor", async () => {
    const outbox = new Outbox();
    for (let n = 0; n < MESSAGES_MAX; n++) expect(outbox.push(message(n))).toBe(true);
    expect(outbox.push(message(0))).toBe(false);
    expect(outbox.hasFailed).toBe(true);
    expect(outbox.push(message(0))).toBe(true);
    await expect(outbox.next()).rejects.toMatchObject({
      status: "UNAVAILABLE",
      message: "this reader is 2000 messages behind; join again with its last cursor",
    });
  });

  test("holds so many bytes", () => {
    const outbox = new Outbox();
    expect(outbox.push(new Uint8Array(BYTES_MAX))).toBe(true);
    expect(outbox.push(message(1))).toBe(false);
  });

  test("has room again for what was taken", async () => {
    const outbox = new Outbox();
    for (let n = 0; n < 3 * MESSAGES_MAX; n++) {
      expect(outbox.push(message(n))).toBe(true);
      if (n >= MESSAGES_MAX - 1) expect((await outbox.next()).value).toEqual(message(n - MESSAGES_MAX + 1));
    }
    expect(outbox.push(new Uint8Array(BYTES_MAX - 2 * (MESSAGES_MAX - 1)))).toBe(true);
  });

  test("leaves out what passes by while its reader is slow, and nothing else", async () => {
    const outbox = new Outbox();
    for (let n = 0; n < PASSING_MAX; n++) expect(outbox.pushPassing(message(n))).toBe(true);
    expect(outbox.pushPassing(message(999))).toBe(false);
    expect(outbox.push(message(PASSING_MAX))).toBe(true);
    await outbox.next();
    await outbox.next();
    expect(outbox.pushPassing(message(PASSING_MAX + 1))).toBe(true);
    outbox.end();
    expect(await drained(outbox)).toEqual(Array.from({ length: PASSING_MAX }, (_, i) => i + 2));
  });

  test("fails whoever waits, and says the first reason alone", async () => {
    const outbox = new Outbox();
    const waiting = outbox.next();
    outbox.fail(new WatchpostError("UNAVAILABLE", "first"));
    outbox.fail(new WatchpostError("UNAVAILABLE", "second"));
    outbox.end();
    await expect(waiting).rejects.toThrow("first");
    await expect(outbox.next()).rejects.toThrow("first");
  });

  test("takes nothing more once its reader has left", async () => {
    const outbox = new Outbox();
    outbox.push(message(1));
    for await (const _ of outbox) break;
    outbox.push(message(2));
    expect(await outbox.next()).toEqual({ done: true, value: undefined });
  });
});
