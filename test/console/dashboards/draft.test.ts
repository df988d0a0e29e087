import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { differences } from "../../../src/console/views/dashboards/differences.ts";
import * as drafts from "../../../src/console/views/dashboards/draft.ts";
import {
  idFromTitle,
  newPanel,
  tidied,
  withAdded,
  withDuplicate,
  withoutBlanks,
  withoutPanel,
  withPanel,
  withRestored,
} from "../../../src/console/views/dashboards/edits.ts";
import { overlaps } from "../../../src/console/views/dashboards/grid-layout.ts";
import {
  PanelKind,
  PanelSchema,
  SavedDashboardSchema,
  type SavedDashboard,
} from "../../../src/wire/gen/saved_dashboards_pb.ts";

const saved = (revision: bigint, title = "Plant", updatedBy = "Ada"): SavedDashboard =>
  create(SavedDashboardSchema, { dashboardId: "plant", title, revision, updatedBy });
const renamed = (draft: drafts.Draft, title: string, gesture = "") =>
  drafts.edited(draft, { ...draft.present, title }, gesture);

test("what a form was left with is not kept: a filter by any value, a metric that nobody chose", () => {
  const queries = [
    { metric: "flow", filters: { device: "", site: "hall-3" } },
    { metric: "", filters: { device: "" } },
    { metric: "", filters: { site: "hall-3" } },
  ];
  const panel = create(PanelSchema, { kind: PanelKind.LINE, queries });
  expect(withoutBlanks(panel).queries.map(({ metric, filters }) => [metric, filters])).toEqual([
    ["flow", { site: "hall-3" }],
    ["", { site: "hall-3" }],
  ]);
  const ofDevices = withoutBlanks({ ...panel, kind: PanelKind.DEVICE_GRID });
  expect(ofDevices.queries.map(({ metric }) => metric)).toEqual(["flow", "*"]);
});

test("edits are undone one by one, those of one gesture together", () => {
  let draft = drafts.opened(saved(1n));
  draft = renamed(draft, "a");
  for (const title of ["b", "c", "d"]) draft = renamed(draft, title, "place 1");
  expect(drafts.isChanged(draft)).toBe(true);
  draft = drafts.undone(draft);
  expect(draft.present.title).toBe("a");
  draft = drafts.undone(draft);
  expect(drafts.isChanged(draft)).toBe(false);
  expect(drafts.undone(draft)).toBe(draft);
});

test("what another saves is taken over where nothing is edited, and otherwise stands beside it", () => {
  const looking = drafts.heard(drafts.opened(saved(1n)), saved(2n, "theirs"));
  expect([looking.present.title, looking.theirs]).toEqual(["theirs", undefined]);
  const editing = drafts.heard(renamed(drafts.opened(saved(1n)), "mine"), saved(2n, "theirs"));
  expect([editing.present.title, editing.theirs?.title]).toEqual(["mine", "theirs"]);
  expect([editing.base.revision, drafts.revisionToReplace(editing)]).toEqual([1n, 2n]);
  expect(drafts.heard(editing, saved(2n, "theirs"))).toBe(editing);
});

test("while a form is open nothing is taken over; if it changes nothing, that is done when it closes", () => {
  const held = drafts.heard(drafts.opened(saved(1n)), saved(2n, "theirs"), true);
  expect([held.present.title, held.theirs?.title]).toEqual(["Plant", "theirs"]);
  expect(drafts.released(held).present.title).toBe("theirs");
  const applied = renamed(held, "mine");
  expect(drafts.released(applied)).toBe(applied);
  expect(drafts.released(drafts.opened(saved(1n))).base.revision).toBe(1n);
});

test("what was edited while a save was under way is not lost, and is to be saved, too", () => {
  const sent = renamed(drafts.opened(saved(1n)), "sent");
  expect(drafts.isChanged(drafts.savedAs(sent, sent.present, saved(2n, "sent")))).toBe(false);
  const later = drafts.savedAs(renamed(sent, "later"), sent.present, saved(2n, "sent"));
  expect([later.present.title, later.base.revision, drafts.isChanged(later)]).toEqual(["later", 2n, true]);
});

test("one's own save, its answer lost, is no conflict, also where its panels had to move; another's is", () => {
  const overlapping = withAdded(saved(1n), newPanel(PanelKind.LINE));
  const panels = [...overlapping.panels, { ...overlapping.panels[0], id: "other" }];
  const edited = drafts.edited(drafts.opened(saved(1n)), { ...overlapping, panels });
  const sent = drafts.saving(edited);
  const stored = fromBinary(
    SavedDashboardSchema,
    toBinary(SavedDashboardSchema, tidied({ ...sent.present, revision: 2n })),
  );
  const heard = drafts.heard(sent, stored);
  expect([heard.theirs, heard.base.revision, drafts.isChanged(heard)]).toEqual([undefined, 2n, false]);
  const later = drafts.heard(renamed(sent, "later"), stored);
  expect([later.theirs, later.base.revision, later.present.title]).toEqual([undefined, 2n, "later"]);
  expect(drafts.heard(sent, saved(2n, "theirs")).theirs?.title).toBe("theirs");
  expect(drafts.heard(edited, stored).theirs).toBe(stored);
});

test("what is deleted stays on the screen and can be saved anew", () => {
  const draft = drafts.heardDeleted(drafts.opened(saved(3n)), saved(3n));
  expect([draft.present.title, drafts.revisionToReplace(draft)]).toEqual(["Plant", 0n]);
  expect(drafts.heard(draft, saved(1n, "made again")).present.title).toBe("made again");
});

test("panels are added where there is room, get ids of their own, and leave no holes", () => {
  let dashboard = saved(1n);
  for (let i = 0; i < 5; i++) dashboard = withAdded(dashboard, newPanel(PanelKind.LINE));
  dashboard = withDuplicate(dashboard, "panel-2");
  expect(dashboard.panels.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6].map((number) => `panel-${number}`));
  expect(dashboard.panels.map(({ x, y }) => [x, y]).slice(0, 3)).toEqual([
    [0, 0],
    [6, 0],
    [0, 6],
  ]);
  const fewer = withoutPanel(dashboard, "panel-1");
  expect(fewer.panels.find(({ id }) => id === "panel-3")?.y).toBe(0);
  expect(fewer.panels.some((one, i) => fewer.panels.some((other, j) => j > i && overlaps(one, other)))).toBe(false);
});

test("what was removed is put back where it was, once", () => {
  let before = saved(1n);
  for (let i = 0; i < 4; i++) before = withAdded(before, newPanel(PanelKind.STAT));
  const [panel] = before.panels;
  const back = withRestored(withoutPanel(before, panel.id), panel);
  expect(back.panels.find(({ id }) => id === panel.id)).toEqual(panel);
  expect(new Set(back.panels)).toEqual(new Set(before.panels));
  expect(withRestored(back, panel)).toBe(back);
});

test("differences say whose change each is, whatever the order of maps", () => {
  let base = withAdded(withAdded(saved(1n), newPanel(PanelKind.LINE)), newPanel(PanelKind.STAT));
  base = withPanel(base, { ...base.panels[0], title: "Lines" });
  const mine = withPanel(base, { ...base.panels[0], unit: "°C" });
  const theirs = withoutPanel({ ...base, title: "New title" }, "panel-2");
  expect(differences(base, mine, theirs)).toEqual([
    {
      ...{ panelId: "", title: "Plant" },
      mine: { kind: "unchanged", fields: [] },
      theirs: { kind: "changed", fields: [{ name: "title", to: "New title" }] },
    },
    {
      ...{ panelId: "panel-1", title: "Lines" },
      mine: { kind: "changed", fields: [{ name: "unit", to: "°C" }] },
      theirs: { kind: "unchanged", fields: [] },
    },
    {
      ...{ panelId: "panel-2", title: "panel-2" },
      mine: { kind: "unchanged", fields: [] },
      theirs: { kind: "removed", fields: [] },
    },
  ]);
  expect(differences(base, mine, structuredClone(mine))).toEqual([]);
});

test("an address comes of a title", () => {
  expect(idFromTitle("  Halle 3: Kühlung (neu)! ")).toBe("halle-3-kuhlung-neu");
  expect(idFromTitle("☃")).toBe("");
  expect(idFromTitle("x".repeat(200)).length).toBe(64);
});
