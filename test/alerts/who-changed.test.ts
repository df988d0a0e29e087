/** Silences and rules over the wire: who changed them stands in the journal, and whoever made a silence stays its author. */
import { expect, test } from "bun:test";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { call } from "./calls.ts";
import { AlertsRig, START_MS } from "./rig.ts";

const HOUR_MS = 3_600_000;
const { deleteRule, expireSilence, listSilences, putRule, putSilence } = Alerts.method;
const ends = (hours: number) => timestampOfMs(START_MS + hours * HOUR_MS) as never;

test("the journal has who put a rule, and who deleted it", async () => {
  const rig = new AlertsRig();
  await rig.open();
  const rule = { name: "hot", metric: "t", condition: { threshold: { above: 80 } } };
  await call(rig, putRule, { rule, userId: "ann" });
  await call(rig, putRule, { rule: { ...rule, severity: "high" } });
  await call(rig, deleteRule, { name: "hot", userId: "bob" });
  const told = rig.journal.entries.filter(({ kind }) => kind === "rule").map(({ actor }) => actor);
  expect(told).toEqual(["ann", "anonymous", "bob"]);
  await expect(call(rig, putRule, { rule, userId: "x".repeat(300) })).rejects.toThrow("at most 256 characters");
  await rig.close();
});

test("a silence keeps its author, and the journal has who put it each time", async () => {
  const rig = new AlertsRig();
  await rig.open();
  const matchers = ["device=pump-1"];
  const { silence: made } = await call(rig, putSilence, {
    silence: { matchers, endsAt: ends(1), author: "ann", comment: "works" },
  });
  const { silence: longer } = await call(rig, putSilence, { silence: { ...made!, endsAt: ends(2) }, userId: "bob" });
  expect(longer).toMatchObject({ id: made!.id, author: "ann", comment: "works", endsAt: ends(2) });
  await call(rig, putSilence, { silence: { ...made!, author: "mallory", endsAt: ends(3) } });
  await call(rig, expireSilence, { id: made!.id, userId: "eve" });
  const { silences } = await call(rig, listSilences, { expired: true });
  expect(silences.map(({ author }) => author)).toEqual(["ann"]);
  const told = rig.journal.entries.filter(({ kind }) => kind === "silence").map(({ actor }) => actor);
  expect(told).toEqual(["ann", "bob", "mallory", "eve"]);
  const { silence: other } = await call(rig, putSilence, { silence: { matchers, endsAt: ends(1) }, userId: "bob" });
  expect(other!.author).toBe("bob");
  await rig.close();
});
