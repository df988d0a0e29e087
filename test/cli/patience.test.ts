/** How long a simulation waits for answers once nothing more is sent. */
import { expect, test } from "bun:test";
import { FLUSH_MS_MAX, patience } from "../../src/cli/simulate/patience.ts";
import { ManualClock } from "../support/manual-clock.ts";

const SILENCE_MS = 30_000;

function waiting(endsInMs: number) {
  const clock = new ManualClock();
  const ledger = { answers: 0, unanswered: 5 };
  const stop = new AbortController();
  const said: string[] = [];
  const { cut, close } = patience({
    ...{ ledger, clock, stop: stop.signal, silenceMsMax: SILENCE_MS, endMs: clock.nowMs() + endsInMs },
    onSilence: () => void said.push("silence"),
  });
  return { clock, ledger, stop, said, cut, close };
}

test("while readings are due an outage may last", () => {
  const { clock, cut } = waiting(Infinity);
  clock.advance(100 * SILENCE_MS);
  expect(cut.aborted).toBe(false);
});

test("after the last ones answers are waited for as long as some come, then for a while", () => {
  const { clock, cut, ledger, said } = waiting(60_000);
  clock.advance(60_000);
  for (let i = 0; i < 20; i++) {
    clock.advance(SILENCE_MS - 1_000);
    ledger.answers++;
  }
  clock.advance(SILENCE_MS - 1_000);
  expect([cut.aborted, said]).toEqual([false, []]);
  clock.advance(2_000);
  expect([cut.aborted, said]).toEqual([true, ["silence"]]);
});

test("where everything is answered nothing is cut", () => {
  const { clock, cut, ledger } = waiting(0);
  ledger.unanswered = 0;
  clock.advance(100 * SILENCE_MS);
  expect(cut.aborted).toBe(false);
});

test("after Ctrl-C answers have their time, and no more", () => {
  const { clock, cut, stop, said } = waiting(Infinity);
  clock.advance(SILENCE_MS);
  stop.abort();
  clock.advance(FLUSH_MS_MAX - 1);
  expect(cut.aborted).toBe(false);
  clock.advance(1);
  expect([cut.aborted, said]).toEqual([true, []]);
});

test("what is closed leaves nothing behind", () => {
  const { clock, stop, close } = waiting(0);
  stop.abort();
  close();
  expect(clock.timers).toBe(0);
});
