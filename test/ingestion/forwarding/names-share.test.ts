/** Who ends where names of series take too much. */
import { describe, expect, test } from "bun:test";
import { NamesShare, type NamingStream } from "../../../src/ingestion/forwarding/names-share.ts";
import type { WatchpostError } from "../../../src/model/errors.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function createShare() {
  const clock = new ManualClock();
  const share = new NamesShare(400, clock);
  const ended: string[] = [];
  const streamOf = (name: string): NamingStream => ({
    end: (error) => void ended.push(`${name} ${(error as WatchpostError).status}`),
  });
  return { clock, share, ended, streamOf };
}

describe("names of series", () => {
  test("have a quarter of the budget, and what is over is given back", () => {
    const { share, ended, streamOf } = createShare();
    const [a, b] = ["a", "b"].map(streamOf);
    share.take(a, 100);
    expect([share.bytes, share.tryTake(a, 1)]).toEqual([100, false]);
    share.giveBack(a, 60);
    share.take(b, 30);
    expect([share.tryTake(b, 31), share.tryTake(b, 30), share.bytes]).toEqual([false, true, 100]);
    share.leave(b);
    share.giveBack(b, 60);
    expect([share.tryTake(b, 1), share.bytes, ended]).toEqual([false, 40, []]);
  });

  test("where idle streams have enough, the one of them with most ends, and no more than need be", () => {
    const { clock, share, ended, streamOf } = createShare();
    const [a, b, c, busy] = ["a", "b", "c", "busy"].map(streamOf);
    share.take(a, 10);
    share.take(b, 20);
    share.take(c, 15);
    clock.advance(9_999);
    share.take(busy, 50);
    clock.advance(1);
    share.take(busy, 10);
    expect([ended, share.bytes]).toEqual([["b RESOURCE_EXHAUSTED"], 85]);
    share.take(busy, 36);
    expect([ended.slice(1), share.bytes]).toEqual([["c RESOURCE_EXHAUSTED", "a RESOURCE_EXHAUSTED"], 96]);
  });

  test("where they have not, the one with most of all ends, be it the one that asks", () => {
    const { clock, share, ended, streamOf } = createShare();
    const [idle, large, small] = ["idle", "large", "small"].map(streamOf);
    share.take(idle, 10);
    clock.advance(10_000);
    share.take(large, 60);
    share.take(small, 25);
    share.take(small, 26);
    expect([ended, share.bytes]).toEqual([["large RESOURCE_EXHAUSTED"], 61]);
    expect(() => share.take(small, 50)).toThrow("those of this stream, which take 51B, have to make room");
    expect([ended.length, share.bytes]).toEqual([1, 61]);
  });

  test("what is larger than all there is goes alone", () => {
    const { share, streamOf } = createShare();
    const large = streamOf("large");
    share.take(large, 150);
    expect(() => share.take(large, 1)).toThrow("may take 100B");
  });
});
