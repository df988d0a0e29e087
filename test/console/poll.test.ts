import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, expect, test } from "bun:test";
import { poll, type Poll } from "../../src/console/data/poll.ts";
import { failureText } from "../../src/console/errors.ts";

/** Questions are answered by hand. */
function rig(options: Partial<Poll<string>> = {}) {
  const over = new AbortController();
  const page = Object.assign(new EventTarget(), { hidden: false });
  const questions: PromiseWithResolvers<string>[] = [];
  const heard: string[] = [];
  let onAsked = () => {};
  const askNow = poll<string>({
    ask: () => {
      const question = Promise.withResolvers<string>();
      questions.push(question);
      onAsked();
      return question.promise;
    },
    onAnswer: (answer) => heard.push(answer),
    onFailure: (error) => heard.push(`failed: ${String(error)}`),
    ...{ everyMs: 1, signal: over.signal, page: page, ...options },
  });
  opened.push(over);
  const asked = (count: number) =>
    new Promise<void>((resolve) => {
      onAsked = () => questions.length >= count && resolve();
      onAsked();
    });
  return { over, page, questions, heard, askNow, asked };
}

const opened: AbortController[] = [];
const PAUSE_MS = 20;

afterEach(() => opened.splice(0).forEach((over) => over.abort()));

test("one question at a time; the next comes after the answer, also after a failure", async () => {
  const { questions, heard, asked } = rig();
  await Bun.sleep(PAUSE_MS);
  expect(questions.length).toBe(1);
  questions[0].resolve("a");
  await asked(2);
  questions[1].reject("busy");
  await asked(3);
  questions[2].resolve("b");
  await asked(4);
  expect(heard).toEqual(["a", "failed: busy", "b"]);
});

test.each([Code.InvalidArgument, Code.NotFound, Code.PermissionDenied, Code.Unimplemented])(
  "a refusal that stays (%p) is the last answer, until somebody asks",
  async (code) => {
    const { questions, heard, askNow, asked } = rig({ onFailure: (error) => heard.push(failureText(error)) });
    questions[0].reject(new ConnectError("there is none", code));
    await Bun.sleep(PAUSE_MS);
    expect([heard, questions.length]).toEqual([["there is none; it is not asked for again"], 1]);
    askNow();
    questions[1].reject(new ConnectError("busy", Code.ResourceExhausted));
    await asked(3);
    expect(heard[1]).toBe("busy; trying again");
  },
);

test("an older answer does not take the place of a newer one, and asks nothing more", async () => {
  const { questions, heard, askNow, asked } = rig();
  askNow();
  questions[1].resolve("newer");
  await asked(3);
  questions[0].resolve("older");
  await Bun.sleep(PAUSE_MS);
  expect([heard, questions.length]).toEqual([["newer"], 3]);
});

test("a hidden page does not ask; once it is seen it does", async () => {
  const { page, questions, asked } = rig();
  page.hidden = true;
  questions[0].resolve("a");
  await Bun.sleep(PAUSE_MS);
  expect(questions.length).toBe(1);
  page.hidden = false;
  page.dispatchEvent(new Event("visibilitychange"));
  await asked(2);
});

test("what is asked once is asked until it is answered", async () => {
  const { questions, heard, asked } = rig({ isOnce: true });
  questions[0].reject("away");
  await asked(2);
  questions[1].resolve("a");
  await Bun.sleep(PAUSE_MS);
  expect([heard, questions.length]).toEqual([["failed: away", "a"], 2]);
});

test("what is over asks and tells nothing more", async () => {
  const { over, questions, heard } = rig();
  over.abort();
  questions[0].resolve("a");
  await Bun.sleep(PAUSE_MS);
  expect([heard, questions.length]).toEqual([[], 1]);
});
