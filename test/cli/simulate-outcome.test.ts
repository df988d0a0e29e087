/** What the ledger of a simulation knows, and what it does not. */
import { expect, test } from "bun:test";
import { Ledger } from "../../src/cli/simulate/ledger.ts";
import { isWhole, outcomeOf, outcomeText } from "../../src/cli/simulate/outcome.ts";
import type { Sending } from "../../src/simulate/reading.ts";

const RUN = { devices: 1, seconds: 1 };

/** `sent` readings of which so many were answered; of these so many refused. */
function ledgerOf(sent: number, answered: number, refused = 0): Ledger {
  const ledger = new Ledger();
  const readings = Array.from({ length: sent }, (_, i) => ({ metric: "t", value: i, timeUs: i + 1 }));
  ledger.onSent({ readings, isRepeat: false, dueUs: 0 } as unknown as Sending);
  ledger.onBatchAnswered(answered, false, 0, 1);
  ledger.onAnswer(answered - refused, refused, []);
  return ledger;
}

function judged(ledger: Ledger, stored: number | undefined, isDamaged = false) {
  const outcome = outcomeOf(ledger, stored === undefined ? undefined : { readings: stored, isDamaged }, RUN);
  return { missing: outcome.missing, isWhole: isWhole(outcome), text: Bun.stripANSI(outcomeText(outcome)) };
}

test("all that was acknowledged is stored: nothing is missing, and that is known", () => {
  expect(judged(ledgerOf(10, 10, 2), 8)).toMatchObject({ missing: 0, isWhole: true });
});

test("what is missing is counted, also where some was not answered", () => {
  expect(judged(ledgerOf(10, 10), 7)).toMatchObject({ missing: 3, isWhole: false });
  expect(judged(ledgerOf(10, 6), 5)).toMatchObject({ missing: 1, isWhole: false });
});

test("nothing that was sent is said: it proves nothing", () => {
  expect(judged(ledgerOf(0, 0), 0).text).toContain("nothing was sent: no reading was due in that time");
  expect(judged(ledgerOf(1, 1), 1).text).not.toContain("nothing was sent");
});

test("what cannot be told is no zero", () => {
  for (const [ledger, stored, why] of [
    [ledgerOf(10, 10), undefined, "the server could not be asked"],
    [ledgerOf(0, 0), undefined, "the server could not be asked"],
    [ledgerOf(10, 10), 12, "2 more are stored than were sent"],
    [ledgerOf(10, 6), 8, "some that were not answered are stored"],
  ] as const) {
    const { missing, isWhole, text } = judged(ledger, stored);
    expect([missing, isWhole]).toEqual([null, false]);
    expect(text).toMatch(/\n {2}missing +unknown {2}/);
    expect(text).toContain(why);
  }
});

test("nobody knows of a store that is damaged, or of readings without an answer, that all is there", () => {
  expect(judged(ledgerOf(10, 10), 10, true)).toMatchObject({ isWhole: false });
  expect(judged(ledgerOf(10, 6), 6)).toMatchObject({ missing: 0, isWhole: false });
});
