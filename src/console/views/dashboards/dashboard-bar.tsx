import { useState } from "preact/hooks";
import { PanelKind, SavedDashboards, type SavedDashboard } from "../../../wire/gen/saved_dashboards_pb.ts";
import { deleteDashboard } from "../../data/dashboards.ts";
import { confirm } from "../../parts/dialog.tsx";
import { lazy } from "../../lazy.tsx";
import { Menu } from "../../parts/menu.tsx";
import { tell, tellError } from "../../parts/toast.tsx";
import { go, pathTo, setParams } from "../../route.ts";
import { fillScreen } from "./full-screen.ts";
import { save } from "./save.ts";
import { doneBy } from "./done-by.ts";
import { exportDashboard } from "./export-dashboard.ts";
import type { DashboardState } from "./dashboard-state.ts";
import { newPanel, PANELS_MAX, withAdded } from "./edits.ts";
import { KINDS } from "./panel-kinds.ts";
import { may } from "../../who.ts";

const NewDialog = lazy(async () => (await import("./new-dialog.tsx")).NewDialog);
const SettingsDialog = lazy(async () => (await import("./settings-dialog.tsx")).SettingsDialog);

interface DashboardBarProps {
  readonly state: DashboardState;
  readonly dashboard: SavedDashboard;
  readonly isEditing: boolean;
}

export function DashboardBar({ state, dashboard, isEditing }: DashboardBarProps) {
  const [opened, setOpened] = useState<"settings" | "copy" | undefined>(undefined);
  const close = () => setOpened(undefined);
  const canPut = may(SavedDashboards.method.putDashboard);
  const { base, past } = state.draft.value!;
  const isChanged = state.isChanged.value;
  const { title, description } = dashboard;
  return (
    <div class="toolbar dash-title">
      <h1 title={description}>{title}</h1>
      <span class="dim dash-revision">{base.revision > 0n && doneBy(base, `saved revision ${base.revision}`)}</span>
      <span class="push" />
      {isEditing && (
        <>
          <Menu
            label="Add panel"
            items={KINDS.map(({ kind, label, help }) => ({
              ...{ label, title: help, isDisabled: dashboard.panels.length >= PANELS_MAX },
              choose: () => add(state, kind),
            }))}
          />
          <button type="button" onClick={() => setOpened("settings")}>
            Settings
          </button>
        </>
      )}
      {(isEditing || isChanged) && (
        <>
          <button type="button" title="Undo (Ctrl+Z)" disabled={past.length === 0} onClick={() => state.undo()}>
            Undo
          </button>
          <button
            type="button"
            class="primary"
            title="Save (Ctrl+S)"
            disabled={!isChanged || state.isSaving.value}
            onClick={() => void save(state, false)}
          >
            Save
          </button>
        </>
      )}
      {canPut && (
        <button
          type="button"
          aria-pressed={isEditing}
          onClick={() => setParams({ edit: isEditing ? "" : "1", panel: "" })}
        >
          Edit
        </button>
      )}
      <Menu
        label="More"
        items={[
          {
            label: "Kiosk",
            choose: () => setParams({ kiosk: "1", edit: "", panel: "" }),
            title: "Panels alone, for a wall screen",
          },
          { label: "Full screen", choose: fillScreen },
          { label: "Export as JSON", choose: () => void exportDashboard(state.id, async () => dashboard) },
          ...(canPut
            ? [
                { label: "Duplicate…", choose: () => setOpened("copy") },
                { label: "Discard changes", choose: () => void discard(state), isDisabled: !isChanged },
              ]
            : []),
          ...(may(SavedDashboards.method.deleteDashboard)
            ? [{ label: "Delete…", choose: () => void remove(base), isDangerous: true }]
            : []),
        ]}
      >
        ⋯
      </Menu>
      {opened === "settings" && <SettingsDialog {...{ state, dashboard }} onClose={close} />}
      {opened === "copy" && <NewDialog from={dashboard} onClose={close} />}
    </div>
  );
}

function add(state: DashboardState, kind: PanelKind): void {
  state.edit((present) => withAdded(present, newPanel(kind)));
  const added = state.draft.peek()!.present.panels.at(-1)!;
  if (kind !== PanelKind.DEVICE_GRID) setParams({ panel: added.id });
}

async function discard(state: DashboardState): Promise<void> {
  const text = "The dashboard is again what was saved last.";
  if (await confirm({ title: "Discard what you changed?", text, action: "Discard", isDangerous: true }))
    state.discard();
}

export async function remove(dashboard: SavedDashboard): Promise<void> {
  const { title, dashboardId } = dashboard;
  const text = `Nobody will see "${title}" any more. What its panels show stays stored.`;
  if (!(await confirm({ title: `Delete ${title}?`, text, action: "Delete", isDangerous: true }))) return;
  try {
    await deleteDashboard(dashboard);
    tell(`${title} is deleted`);
    if (location.pathname === pathTo("dashboards", dashboardId)) go("/dashboards");
  } catch (error) {
    tellError(error, `${title} was not deleted`);
  }
}
