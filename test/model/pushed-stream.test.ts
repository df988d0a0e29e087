import { describe, expect, test } from "bun:test";
import { eachOf, pulled, type PushedStream, type Take } from "../../src/model/pushed-stream.ts";

async function* numbers(count: number, left: () => void = () => {}): AsyncGenerator<number> {
  try {
    for (let i = 0; i < count; i++) yield i;
  } finally {
    left();
  }
}

/** Pushes as eagerly as it may. */
function pushed(count: number, ending: Promise<void> = Promise.resolve()): PushedStream<number> {
  return {
    async each(take: Take<number>) {
      for (let i = 0; i < count; i++) await take(i);
      await ending;
    },
  };
}

describe("each of an iterator", () => {
  test("is every item in order, the next once the one before is taken", async () => {
    const log: string[] = [];
    await eachOf(numbers(3), (item) => {
      log.push(`take ${item}`);
      return item === 1 ? Promise.resolve().then(() => void log.push("taken")) : undefined;
    });
    expect(log).toEqual(["take 0", "take 1", "taken", "take 2"]);
  });

  test("leaves it where an item cannot be taken", async () => {
    let isLeft = false;
    const refused = eachOf(
      numbers(3, () => (isLeft = true)),
      () => Promise.reject(new Error("full")),
    );
    await expect(refused).rejects.toThrow("full");
    expect(isLeft).toBe(true);
  });
});

describe("a pushed stream that is pulled", () => {
  test("has every item once, and ends", async () => {
    expect(await Array.fromAsync(pulled(pushed(5)))).toEqual([0, 1, 2, 3, 4]);
    expect(await Array.fromAsync(pulled(pushed(0)))).toEqual([]);
  });

  test("fails as it does, after the items before", async () => {
    const read: number[] = [];
    const reading = (async () => {
      for await (const item of pulled(pushed(2, Promise.reject(new Error("cut"))))) read.push(item);
    })();
    await expect(reading).rejects.toThrow("cut");
    expect(read).toEqual([0, 1]);
  });

  test("is left when its reader leaves", async () => {
    const left = Promise.withResolvers<void>();
    const items = numbers(10, left.resolve);
    for await (const item of pulled({ each: (take) => eachOf(items, take) })) if (item === 2) break;
    await left.promise;
  });

  test("takes no item before the one before it was asked for", async () => {
    let given = 0;
    const items = pulled<number>({
      async each(take) {
        for (; given < 10; given++) await take(given);
      },
    });
    await items.next();
    await Bun.sleep(0);
    expect(given).toBe(0);
    expect((await items.next()).value).toBe(1);
  });
});
