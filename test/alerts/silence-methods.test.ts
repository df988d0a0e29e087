/** Silences over the wire: whoever made one stays its author, and the journal says who changed it. */
import { expect, test } from "bun:test";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { call } from "./calls.ts";
import { AlertsRig, START_MS } from "./rig.ts";

const HOUR_MS = 3_600_000;
const { expireSilence, listSilences, putSilence } = Alerts.method;
const ends = (hours: number) => timestampOfMs(START_MS + hours * HOUR_MS) as never;

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
