import { describe, expect, test } from "bun:test";
import { MessageQueue } from "../../src/transport/message-queue.ts";

function createQueue() {
  const log: string[] = [];
  const queue = new MessageQueue(
    { pause: () => void log.push("pause"), resume: () => void log.push("resume") },
    { unpacked: (bytes) => void log.push(`came ${bytes}`), taken: () => void log.push("taken") },
  );
  return { queue, log };
}

const message = (bytes: number) => new Uint8Array(bytes);

describe("each message of a queue", () => {
  test("is handed over as it comes, those before first, and told as taken", async () => {
    const { queue, log } = createQueue();
    queue.push(message(1));
    expect((await queue.next()).value).toEqual(message(1));
    queue.push(message(2));
    const over = queue.each(({ byteLength }) => void log.push(`took ${byteLength}`));
    queue.push(message(3));
    expect(log).toEqual(["came 1", "came 2", "taken", "took 2", "taken", "came 3", "took 3", "taken"]);
    queue.end();
    await over;
  });

  test("waits for the one before, and holds the sender back meanwhile", async () => {
    const { queue, log } = createQueue();
    const first = Promise.withResolvers<void>();
    let took = 0;
    const over = queue.each(() => (took++ === 0 ? first.promise : undefined));
    for (let i = 0; i < 65; i++) queue.push(message(1));
    queue.end();
    expect(took).toBe(1);
    expect(log.filter((line) => !line.startsWith("came"))).toEqual(["pause"]);
    first.resolve();
    await over;
    expect(took).toBe(65);
    expect(log.filter((line) => line === "taken").length).toBe(65);
    expect(log).toContain("resume");
  });

  test("that cannot be taken ends it: later ones are dropped", async () => {
    for (const fail of [
      () => {
        throw new Error("full");
      },
      () => Promise.reject(new Error("full")),
    ]) {
      const { queue } = createQueue();
      let took = 0;
      const over = queue.each(() => {
        took++;
        return fail();
      });
      queue.push(message(1));
      queue.push(message(1));
      await expect(over).rejects.toThrow("full");
      expect(took).toBe(1);
    }
  });

  test("is dropped when the stream fails, also while one is being taken", async () => {
    const { queue } = createQueue();
    let took = 0;
    const over = queue.each(() => {
      took++;
      return new Promise(() => {});
    });
    queue.push(message(1));
    queue.push(message(1));
    queue.fail(new Error("cut"));
    await expect(over).rejects.toThrow("cut");
    expect(took).toBe(1);
    await expect(createFailed().each(() => undefined)).rejects.toThrow("cut before");
  });
});

function createFailed(): MessageQueue {
  const { queue } = createQueue();
  queue.fail(new Error("cut before"));
  return queue;
}
