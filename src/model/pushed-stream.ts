/**
 * Streams that hand over what they have as soon as it is there, besides being read item by item. Whoever waits for an item
 * leaves promises behind with each: of thousands of streams that mostly wait these get old before they are garbage, and then
 * stay until everything is collected.
 */

/** Takes an item at once, or says when it can take the next. */
export type Take<T> = (item: T) => Promise<void> | undefined;

export interface PushedStream<T> {
  /**
   * Hands every item that is left to `take`, in order. Resolves at the end, rejects with what the stream or `take` fails with.
   * In place of reading on item by item; once.
   */
  each(take: Take<T>): Promise<void>;
}

export function isPushed<T>(items: object): items is PushedStream<T> {
  return "each" in items;
}

/** `each` of any stream, which is left where `take` fails. */
export function eachOf<T>(items: AsyncIterator<T>, take: Take<T>): Promise<void> {
  return isPushed<T>(items) ? items.each(take) : readEach(items, take);
}

async function readEach<T>(items: AsyncIterator<T>, take: Take<T>): Promise<void> {
  for (let next = await items.next(); next.done !== true; next = await items.next()) {
    try {
      await take(next.value);
    } catch (error) {
      await items.return?.();
      throw error;
    }
  }
}

/** Read item by item: the next is taken once it is asked for, and refused once nobody asks any more. */
export async function* pulled<T>(items: PushedStream<T>): AsyncGenerator<T, undefined> {
  let came = Promise.withResolvers<void>();
  let asked = Promise.withResolvers<void>();
  const waiting: T[] = [];
  const ended = items
    .each((item) => {
      waiting.push(item);
      came.resolve();
      return asked.promise;
    })
    .finally(() => came.resolve());
  ended.catch(() => {});
  try {
    for (;;) {
      await came.promise;
      came = Promise.withResolvers<void>();
      if (waiting.length === 0) {
        await ended;
        return;
      }
      yield waiting.pop()!;
      const { resolve } = asked;
      asked = Promise.withResolvers<void>();
      resolve();
    }
  } finally {
    asked.promise.catch(() => {});
    asked.reject(new Error("the reader has left"));
  }
}
