import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "bun:test";
import { untilAnswered } from "../../src/console/data/until-answered.ts";

const never = new AbortController().signal;
const at = async () => {};

test("what a server with too much to do refuses is asked again, and says how often it was in vain", async () => {
  const answers = [Code.DeadlineExceeded, Code.ResourceExhausted, Code.Unavailable];
  const asked: number[] = [];
  const ask = async () => {
    const code = answers.shift();
    if (code !== undefined) throw new ConnectError("later", code);
    return "it";
  };
  expect(await untilAnswered(ask, never, async (times) => void asked.push(times))).toBe("it");
  expect(asked).toEqual([0, 1, 2, 3]);
});

test("what stays as it is is not asked again, nor what is not wanted any more", async () => {
  let times = 0;
  const refuse = (code: Code) => async () => {
    times++;
    throw new ConnectError("no", code);
  };
  await expect(untilAnswered(refuse(Code.NotFound), never, at)).rejects.toThrow("no");
  const over = new AbortController();
  const untilThird = async (asked: number) => (asked === 2 ? over.abort() : undefined);
  await expect(untilAnswered(refuse(Code.Unavailable), over.signal, untilThird)).rejects.toThrow();
  expect(times).toBe(3);
});
