/** Saved dashboards: revisions, conflicts, lists, watching, bounds, and what a restart brings back. */
import { expect, test } from "bun:test";
import { fromBinary } from "@bufbuild/protobuf";
import { tellDashboard } from "../../../src/dashboard/saved/tell-dashboard.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { SavedDashboardSchema, type DashboardEvent } from "../../../src/wire/gen/saved_dashboards_pb.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { exampleDashboard, savedRig } from "./rig.ts";

async function refusalOf(call: Promise<unknown>): Promise<WatchpostError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof WatchpostError) return error;
  throw new Error(`it was not refused: ${error}`);
}

const heard = (events: readonly DashboardEvent[]) =>
  events.map(({ kind, dashboard }) => `${kind} ${dashboard?.dashboardId ?? ""} ${dashboard?.revision ?? ""}`.trim());

test("what is saved is there as it was given, with who and when, and a revision more with each change", async () => {
  const rig = await savedRig();
  const first = await rig.put(exampleDashboard("plant"));
  expect(first).toMatchObject({ revision: 1n, updatedBy: "ann", title: "Dashboard plant", panelCount: 0 });
  expect(first.panels[0]).toMatchObject({ id: "temperature", unit: "°C", min: 0, max: 100, decimals: 1 });
  expect(first.panels[1].min).toBeUndefined();
  expect(await rig.get("plant")).toEqual(first);
  rig.clock.advance(60_000);
  const second = await rig.put({ ...exampleDashboard("plant"), title: "  Plant " }, 1n, "bob");
  expect(second).toMatchObject({ revision: 2n, updatedBy: "bob", title: "Plant" });
  expect(second.updatedAt!.seconds - first.updatedAt!.seconds).toBe(60n);
  expect(rig.journal.entries.map(({ kind, subject, actor }) => [kind, subject, actor])).toEqual([
    ["dashboard", "dashboard/plant", "ann"],
    ["dashboard", "dashboard/plant", "bob"],
  ]);
});

test("an edit of an earlier revision is refused with who was faster, when, and what is there", async () => {
  const rig = await savedRig();
  await rig.put(exampleDashboard("plant"));
  await rig.put({ ...exampleDashboard("plant"), title: "Bob's" }, 1n, "bob");
  for (const [revision, said] of [
    [1n, "is at revision 2"],
    [7n, "is at revision 2"],
    [0n, "already"],
  ] as const) {
    const refused = await refusalOf(rig.put({ ...exampleDashboard("plant"), title: "Ann's" }, revision));
    expect(refused.status).toBe("ABORTED");
    for (const part of [said, '"bob"', "2026-01-01T00:00:00.000Z"]) expect(refused.message).toContain(part);
    const [{ typeName, value }] = refused.messages;
    expect(typeName).toBe("analytics.SavedDashboard");
    expect(fromBinary(SavedDashboardSchema, value)).toMatchObject({ revision: 2n, panels: [], panelCount: 2 });
  }
  expect(await rig.get("plant")).toMatchObject({ revision: 2n, title: "Bob's" });
});

test("what is the same already is no change and no conflict: an answer that was lost can be asked for again", async () => {
  const rig = await savedRig();
  const first = await rig.put(exampleDashboard("plant"));
  for (const revision of [0n, 1n, 5n]) expect(await rig.put(exampleDashboard("plant"), revision, "bob")).toEqual(first);
  expect(rig.journal.entries).toHaveLength(1);
});

test("of two who save at once, one is refused", async () => {
  const rig = await savedRig();
  await rig.put(exampleDashboard("plant"));
  const saves = ["Ann's", "Bob's"].map((title) => rig.put({ ...exampleDashboard("plant"), title }, 1n));
  const [first, second] = await Promise.allSettled(saves);
  expect([first.status, second.status]).toEqual(["fulfilled", "rejected"]);
  expect(await rig.get("plant")).toMatchObject({ revision: 2n, title: "Ann's" });
});

test("a deleted one is gone; one that takes its id begins above it, so that an editor left open does not overwrite that", async () => {
  const rig = await savedRig();
  await rig.put(exampleDashboard("plant"));
  await rig.put(exampleDashboard("hall"));
  expect((await refusalOf(rig.remove("plant", 9n))).status).toBe("ABORTED");
  await rig.remove("plant", 1n, "bob");
  expect((await refusalOf(rig.get("plant"))).status).toBe("NOT_FOUND");
  expect((await refusalOf(rig.remove("plant"))).status).toBe("NOT_FOUND");
  const late = await refusalOf(rig.put(exampleDashboard("plant"), 1n));
  expect([late.status, late.message]).toEqual(["ABORTED", expect.stringContaining('was deleted by "bob" at 2026')]);
  expect((await refusalOf(rig.put(exampleDashboard("never"), 1n))).status).toBe("NOT_FOUND");
  const again = await savedRig({ journal: rig.journal });
  expect((await again.list()).ids).toEqual(["hall"]);
  expect((await again.put(exampleDashboard("plant"))).revision).toBe(3n);
});

test("lists come in pages, in order of id, without panels", async () => {
  const rig = await savedRig();
  for (const id of ["b", "Z", "a_1", "a-1", "9"]) await rig.put(exampleDashboard(id));
  expect(await rig.list()).toEqual({ ids: ["9", "Z", "a-1", "a_1", "b"], hasMore: false });
  expect(await rig.list("", 2)).toEqual({ ids: ["9", "Z"], hasMore: true });
  expect(await rig.list("Z", 2)).toEqual({ ids: ["a-1", "a_1"], hasMore: true });
  expect(await rig.list("a_1", 2)).toEqual({ ids: ["b"], hasMore: false });
  expect(await rig.list("b", 2)).toEqual({ ids: [], hasMore: false });
  expect(rig.saved.heads().map(({ panels, variables, panelCount }) => [panels, variables, panelCount])).toEqual(
    Array.from({ length: 5 }, () => [[], [], 2]),
  );
  for (const limit of [-1, 1_001]) expect((await refusalOf(rig.list("", limit))).message).toContain("limit is");
});

test("a page of long descriptions is cut before it is more than clients take", async () => {
  const rig = await savedRig({ dashboardsMax: 1_000, bytesMax: 64 * 1024 * 1024 });
  const ids = Array.from({ length: 400 }, (_, i) => `d${String(i).padStart(3, "0")}`);
  for (const id of ids) await rig.put({ dashboardId: id, title: id, description: "x".repeat(4_096) });
  const found: string[] = [];
  for (let more = true; more;) {
    const page = await rig.list(found.at(-1) ?? "", 1_000);
    expect(page.ids.length).toBeLessThan(300);
    found.push(...page.ids);
    more = page.hasMore;
  }
  expect(found).toEqual(ids);
});

test("watching all: what there is, a mark, then each change in order, without panels", async () => {
  const rig = await savedRig();
  await rig.put(exampleDashboard("b"));
  await rig.put(exampleDashboard("a"));
  const leave = new AbortController();
  const events: DashboardEvent[] = [];
  const watching = (async () => {
    for await (const event of rig.watch("", leave.signal)) events.push(event);
  })();
  await Bun.sleep(0);
  expect(heard(events)).toEqual(["snapshot a 1", "snapshot b 1", "snapshot_end"]);
  await rig.put({ ...exampleDashboard("b"), title: "B" }, 1n);
  await rig.remove("a", 1n, "bob");
  await rig.put(exampleDashboard("a"));
  await Bun.sleep(0);
  expect(heard(events.slice(3))).toEqual(["saved b 2", "deleted a 2", "saved a 3"]);
  expect(events[4].dashboard).toMatchObject({ title: "Dashboard a", updatedBy: "bob" });
  expect(events.every(({ dashboard }) => (dashboard?.panels ?? []).length === 0)).toBe(true);
  leave.abort();
  await watching;
});

test("watching one: it whole, then its changes alone; one that is not there yet is heard of when it comes", async () => {
  const rig = await savedRig();
  await rig.put(exampleDashboard("a"));
  const leave = new AbortController();
  const all: Record<string, DashboardEvent[]> = { a: [], later: [] };
  const watching = Object.entries(all).map(async ([id, events]) => {
    for await (const event of rig.watch(id, leave.signal)) events.push(event);
  });
  await Bun.sleep(0);
  await rig.put(exampleDashboard("b"));
  await rig.put({ ...exampleDashboard("a"), title: "A" }, 1n);
  await rig.put(exampleDashboard("later"));
  await Bun.sleep(0);
  expect(heard(all["a"])).toEqual(["snapshot a 1", "snapshot_end", "saved a 2"]);
  expect(heard(all["later"])).toEqual(["snapshot_end", "saved later 1"]);
  expect(all["a"].map(({ dashboard }) => dashboard?.panels.length)).toEqual([2, undefined, 2]);
  leave.abort();
  await Promise.all(watching);
});

test("a reader that does not read is told that it is behind, and the others are not held up", async () => {
  const rig = await savedRig({ bytesMax: 64 * 1024 * 1024 });
  const leave = new AbortController();
  const slow = rig.watch("", leave.signal)[Symbol.asyncIterator]();
  expect((await slow.next()).value).toMatchObject({ kind: "snapshot_end" });
  const waiting = slow.next();
  for (let i = 0n; i < 1_100n; i++) await rig.put({ dashboardId: "a", title: `title ${i}` }, i);
  expect((await waiting).value).toMatchObject({ kind: "saved", dashboard: { revision: 1n } });
  const refused = await refusalOf(
    (async () => {
      for (let i = 0; i < 2_000; i++) await slow.next();
    })(),
  );
  expect([refused.status, refused.message]).toEqual(["UNAVAILABLE", expect.stringContaining("watch again")]);
});

test("a restart brings back all of them, and says what it cannot read", async () => {
  const journal = new MemoryJournal();
  const rig = await savedRig({ journal });
  for (let i = 0; i < 45; i++) await rig.put(exampleDashboard(`d${i}`));
  await journal.append([], [{ collection: "dashboard", key: "d7", sort: 0, value: '{"panels": 3' }]);
  const again = await savedRig({ journal });
  expect(again.saved.count).toBe(44);
  expect(again.troubles).toEqual([expect.stringContaining('document "d7" of "dashboard"')]);
  expect(await again.get("d44")).toEqual(await rig.get("d44"));
  expect(again.saved.heads()).toEqual(rig.saved.heads().filter(({ dashboardId }) => dashboardId !== "d7"));
  expect((await refusalOf(again.get("d7"))).status).toBe("DATA_LOSS");
});

test("their number and bytes are bounded, by the names of the settings; smaller ones still take the place of larger ones", async () => {
  const journal = new MemoryJournal();
  const rig = await savedRig({ journal, dashboardsMax: 2 });
  for (const id of ["a", "b"]) await rig.put(exampleDashboard(id));
  const third = await refusalOf(rig.put(exampleDashboard("c")));
  expect([third.status, third.message]).toEqual(["RESOURCE_EXHAUSTED", expect.stringContaining("dashboards.max is 2")]);
  await rig.put({ ...exampleDashboard("a"), title: "A" }, 1n);
  await rig.remove("b");
  await rig.put(exampleDashboard("c"));
  const tight = await savedRig({ journal, bytesMax: 1_600 });
  const large = { ...exampleDashboard("a"), description: "x".repeat(1_000) };
  const refused = await refusalOf(tight.put(large, 2n));
  expect([refused.status, refused.message]).toEqual([
    "RESOURCE_EXHAUSTED",
    expect.stringContaining("dashboards.bytes_max is 1600"),
  ]);
  await tight.put({ dashboardId: "a", title: "small" }, 2n);
});

test("where the journal fails nothing is changed and nobody hears of it", async () => {
  const rig = await savedRig();
  await rig.put(exampleDashboard("a"));
  const told: string[] = [];
  rig.saved.follow(({ kind }) => told.push(kind));
  rig.journal.failure = new WatchpostError("UNAVAILABLE", "the disk is gone");
  expect((await refusalOf(rig.put({ ...exampleDashboard("a"), title: "A" }, 1n))).message).toBe("the disk is gone");
  expect((await refusalOf(rig.remove("a"))).message).toBe("the disk is gone");
  rig.journal.failure = null;
  expect(told).toEqual([]);
  expect((await rig.put({ ...exampleDashboard("a"), title: "A" }, 1n)).revision).toBe(2n);
});

test("while the journal stands still so many changes wait, and the rest is refused with a time to try again", async () => {
  const still = Promise.withResolvers<void>();
  const journal = new (class extends MemoryJournal {
    override async append(...given: Parameters<MemoryJournal["append"]>) {
      await still.promise;
      return super.append(...given);
    }
  })();
  const rig = await savedRig({ journal });
  const waiting = Array.from({ length: 64 }, (_, i) => rig.put(exampleDashboard(`d${i}`)));
  const refused = await refusalOf(rig.put(exampleDashboard("e")));
  expect([refused.status, refused.retryAfterMs]).toEqual(["RESOURCE_EXHAUSTED", 1_000]);
  expect((await refusalOf(rig.remove("d0"))).message).toContain("64 changes of dashboards wait");
  still.resolve();
  await Promise.all(waiting);
  await rig.put(exampleDashboard("e"));
  expect(rig.saved.count).toBe(65);
});

test("the journal's entries say what happened in a sentence", async () => {
  const rig = await savedRig();
  await rig.put(exampleDashboard("plant"));
  await rig.remove("plant");
  expect(rig.journal.entries.map(tellDashboard)).toEqual([
    { event: "saved", subject: "plant", text: "the dashboard Dashboard plant (plant) was saved" },
    { event: "deleted", subject: "plant", text: "the dashboard Dashboard plant (plant) was deleted" },
  ]);
});
