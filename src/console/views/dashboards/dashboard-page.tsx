import { useEffect, useMemo } from "preact/hooks";
import { SavedDashboards, type Panel, type SavedDashboard } from "../../../wire/gen/saved_dashboards_pb.ts";
import { lazy } from "../../lazy.tsx";
import { confirm } from "../../parts/dialog.tsx";
import { Empty } from "../../parts/empty.tsx";
import { tell } from "../../parts/toast.tsx";
import { guardLeaving, route, setParams } from "../../route.ts";
import { usePageTitle } from "../../page-title.ts";
import { useDashboardKeys } from "./dashboard-keys.ts";
import { useLookingAt } from "./use-looking-at.ts";
import { DashboardBar } from "./dashboard-bar.tsx";
import { DashboardState } from "./dashboard-state.ts";
import { withDuplicate, withoutPanel, withPlaces, withRestored } from "./edits.ts";
import { Grid } from "./grid.tsx";
import type { PanelSetting } from "./panel-body.tsx";
import { titleOf } from "./panel-frame.tsx";
import { save } from "./save.ts";
import { RangeField } from "./range-field.tsx";
import { paramsOf, rangeOf } from "./time-range.ts";
import { VariableBar } from "./variable-bar.tsx";
import { choicesOf } from "./variables.ts";
import { may } from "../../who.ts";

const Conflict = lazy(async () => (await import("./conflict.tsx")).Conflict);
const KioskBar = lazy(async () => (await import("./kiosk-bar.tsx")).KioskBar);
const PanelEditor = lazy(async () => (await import("./panel-editor.tsx")).PanelEditor);

/** One dashboard: what it shows, and, in edit mode, what it is made of. The address says which, and what is chosen. */
export function DashboardPage({ id }: { id: string }) {
  const state = useMemo(() => new DashboardState(id, tellTakenOver), [id]);
  useEffect(() => state.follow(), [state]);
  const isChanged = state.isChanged.value;
  useEffect(() => (isChanged ? guardLeaving(() => mayLeave(state)) : undefined), [state, isChanged]);
  const draft = state.draft.value;
  usePageTitle(draft?.present.title ?? id);
  return (
    <>
      {route.value.params.has("kiosk") && <KioskBar id={id} title={draft?.present.title ?? id} />}
      {draft !== undefined && <Shown {...{ state }} dashboard={draft.present} />}
      {draft === undefined && !state.isMissing.value && <h1 class="dim">{id} …</h1>}
      {draft === undefined && state.isMissing.value && (
        <Empty title={`There is no dashboard ${id}`}>
          It was deleted, or never saved. <a href="/dashboards">All dashboards</a>
        </Empty>
      )}
    </>
  );
}

function Shown({ state, dashboard }: { state: DashboardState; dashboard: SavedDashboard }) {
  const { params } = route.value;
  const canEdit = may(SavedDashboards.method.putDashboard);
  const [isKiosk, isEditing] = [params.has("kiosk"), canEdit && params.has("edit") && !params.has("kiosk")];
  const { variables, panels } = dashboard;
  const defaultMs = Number(dashboard.rangeMs);
  const chosen = JSON.stringify([choicesOf(variables, params), rangeOf(params, defaultMs)]);
  const setting = useMemo<PanelSetting>(() => {
    const onZoom: PanelSetting["onZoom"] = (range) =>
      setParams(range ? paramsOf(range, defaultMs) : { from: "", to: "" });
    return { variables, choices: choicesOf(variables, params), range: rangeOf(params, defaultMs), onZoom };
  }, [chosen, variables]);
  const actions = isEditing ? actionsOf(state) : undefined;
  useDashboardKeys(state, { canEdit, isEditing, isKiosk });
  useLookingAt(panels, setting);
  const edited = panels.find(({ id }) => id === params.get("panel"));
  const { choices, range } = setting;
  const draft = state.draft.value!;
  return (
    <>
      {!isKiosk && <DashboardBar {...{ state, dashboard, isEditing }} />}
      {(draft.theirs !== undefined || draft.deleted !== undefined) && (
        <Conflict
          draft={draft}
          isSaving={state.isSaving.value}
          onReload={() => void takeTheirs(state)}
          onSaveOver={() => void save(state, true)}
        />
      )}
      {!isKiosk && (
        <form class="filters dash-filters" onSubmit={(event) => event.preventDefault()}>
          <VariableBar {...{ variables, choices }} />
          <RangeField {...{ range, defaultMs }} />
          {"fromMs" in range && (
            <button type="button" onClick={() => setting.onZoom(undefined)}>
              Back to now
            </button>
          )}
        </form>
      )}
      {panels.length === 0 && (
        <Empty title="No panels yet">
          {!canEdit && "Nothing is on this dashboard."}
          {isEditing && "Add one above."}
          {canEdit && !isEditing && (
            <button type="button" onClick={() => setParams({ edit: "1" })}>
              Edit
            </button>
          )}
        </Empty>
      )}
      <Grid {...{ panels, setting }} mistaken={state.mistakenPanels.value} {...(actions && { actions })} />
      {isEditing && edited !== undefined && (
        <PanelEditor key={edited.id} panel={edited} {...{ setting, state }} onClose={() => setParams({ panel: "" })} />
      )}
    </>
  );
}

function actionsOf(state: DashboardState) {
  const find = (id: string): Panel | undefined => state.draft.peek()?.present.panels.find((panel) => panel.id === id);
  return {
    edit: (id: string) => setParams({ panel: id }),
    duplicate: (id: string) => state.edit((present) => withDuplicate(present, id)),
    remove: (id: string) => {
      const panel = find(id);
      state.edit((present) => withoutPanel(present, id));
      if (panel === undefined) return;
      const run = () => state.edit((present) => withRestored(present, panel));
      tell(`${titleOf(panel)} is removed`, { label: "Put it back", run });
    },
    place: (rects: Parameters<typeof withPlaces>[1], gesture: string) =>
      state.edit((present) => withPlaces(present, rects), gesture),
  };
}

async function takeTheirs(state: DashboardState): Promise<void> {
  const question = {
    title: "Take theirs?",
    text: "What you changed is lost.",
    action: "Take theirs",
    isDangerous: true,
  };
  if (await confirm(question)) state.discard();
}

function tellTakenOver({ updatedBy }: SavedDashboard): void {
  tell(`Changed by ${updatedBy || "somebody else"}: this is the new one`);
}

async function mayLeave(state: DashboardState): Promise<boolean> {
  // What was undone a moment ago may still be guarded.
  if (!state.isChanged.peek()) return true;
  return confirm({
    ...{ title: "Leave without saving?", action: "Leave", isDangerous: true },
    text: "What you changed in this dashboard would be lost.",
  });
}
