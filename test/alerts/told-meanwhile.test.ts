/** What fires while receivers are opened, or others take their place, is told like everything else, and once. */
import { expect, test } from "bun:test";
import type { MemoryJournal } from "../support/memory-journal.ts";
import { AlertsRig } from "./rig.ts";
import { Webhooks, webhookSetup } from "./webhooks.ts";

/** More than are written at once. */
const SOURCES = Array.from({ length: 1_000 }, (_, i) => `s${i}`);
const RULE = { name: "hot", metric: "temp", condition: { threshold: { above: 80 } } };

/** Answers in order, each a turn of the event loop after the one before, as the log worker does. */
function slowed(journal: MemoryJournal): void {
  let before: Promise<unknown> = Promise.resolve();
  for (const name of ["append", "documents", "document"] as const) {
    const own = journal[name].bind(journal) as (...given: unknown[]) => Promise<unknown>;
    const slow = (...given: unknown[]) => {
      const answer = before.then(() => Bun.sleep(1)).then(() => own(...given));
      before = answer.catch(() => {});
      return answer;
    };
    Object.assign(journal, { [name]: slow });
  }
}

test("every alert that fires while notifications are opened is told of", async () => {
  const rig = new AlertsRig();
  rig.file = { rules: [], notify: webhookSetup(["ops"], { route: { receiver: "ops", group_by: ["source"] } }) };
  await rig.open();
  using webhooks = new Webhooks(rig);
  await rig.put(RULE);
  const sendAll = (value: number) => rig.send(...SOURCES.map((source) => ({ metric: "temp", source, value })));
  for (let i = 0; i < 3; i++) {
    await sendAll(50);
    await rig.advance(10_000);
  }
  rig.journal.failure = new Error("the disk is gone");
  await sendAll(90);
  slowed(rig.journal);
  const restarted = rig.restart();
  rig.journal.failure = null;
  await restarted;
  const heard = () => new Set(webhooks.told.flatMap(({ alerts }) => alerts.map(({ labels }) => labels["source"])));
  for (let i = 0; i < 2_000 && heard().size < SOURCES.length; i++) {
    rig.clock.advance(1_000);
    await Bun.sleep(5);
  }
  expect([...rig.alerts.book.active()]).toHaveLength(SOURCES.length);
  expect(heard().size).toBe(SOURCES.length);
  await rig.close();
});

test.each([0, 2, 5, 9, 14, 20])("what is due %i ms into a reload is told once", async (delayMs) => {
  const rig = new AlertsRig();
  const notify = () => webhookSetup(["ops"], { route: { receiver: "ops", group_by: ["source"] } });
  rig.file = { rules: [], notify: notify() };
  await rig.open();
  using webhooks = new Webhooks(rig);
  await rig.put({ ...RULE, severity: "critical" });
  slowed(rig.journal);
  const reloaded = rig.alerts.reload({ rules: [], notify: notify() });
  await Bun.sleep(delayMs);
  await rig.send({ metric: "temp", source: "a", value: 90 });
  await reloaded;
  for (let i = 0; i < 400 && webhooks.told.length === 0; i++) await Bun.sleep(5);
  for (let i = 0; i < 60; i++) {
    rig.clock.advance(1_000);
    await Bun.sleep(1);
  }
  expect(webhooks.told.map(({ status }) => status)).toEqual(["firing"]);
  await rig.close();
});
