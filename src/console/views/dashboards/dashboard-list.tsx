import { useEffect, useState } from "preact/hooks";
import { SavedDashboards, type SavedDashboard } from "../../../wire/gen/saved_dashboards_pb.ts";
import { areDashboardsKnown, dashboardList, followDashboards, getDashboard } from "../../data/dashboards.ts";
import { countOf, countText, msOf } from "../../format.ts";
import { lazy } from "../../lazy.tsx";
import { Empty } from "../../parts/empty.tsx";
import { Menu } from "../../parts/menu.tsx";
import { Age } from "../../parts/time.tsx";
import { tellError } from "../../parts/toast.tsx";
import { pathTo, route, setParams } from "../../route.ts";
import { remove } from "./dashboard-bar.tsx";
import { exportAll, exportDashboard } from "./export-dashboard.ts";
import { may } from "../../who.ts";

const NewDialog = lazy(async () => (await import("./new-dialog.tsx")).NewDialog);
const ImportDialog = lazy(async () => (await import("./import-dialog.tsx")).ImportDialog);

const SHOWN_MAX = 500;

/** All dashboards that are kept on the server. */
export function DashboardList() {
  useEffect(followDashboards, []);
  const [opened, setOpened] = useState<"new" | "import" | SavedDashboard | undefined>(undefined);
  const close = () => setOpened(undefined);
  const canPut = may(SavedDashboards.method.putDashboard);
  const all = dashboardList.value;
  const search = route.value.params.get("search") ?? "";
  const found = all.filter((dashboard) => matches(dashboard, search.toLowerCase()));
  const copy = async ({ dashboardId }: SavedDashboard) => {
    try {
      setOpened(await getDashboard(dashboardId));
    } catch (error) {
      tellError(error, `${dashboardId} could not be read`);
    }
  };
  return (
    <>
      <h1>Dashboards</h1>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Search{" "}
          <input
            type="search"
            data-hotkey="/"
            value={search}
            onInput={({ currentTarget }) => setParams({ search: currentTarget.value })}
          />
        </label>
        <output>{countOf(found.length, "dashboard")}</output>
        <span class="push" />
        {canPut && (
          <button type="button" onClick={() => setOpened("import")}>
            Import…
          </button>
        )}
        {all.length > 0 && (
          <button
            type="button"
            onClick={() =>
              void exportAll(
                found.map(({ dashboardId }) => dashboardId),
                getDashboard,
              )
            }
            title="Those of the list, as one JSON file"
          >
            Export
          </button>
        )}
        {canPut && (
          <button type="button" class="primary" onClick={() => setOpened("new")}>
            New dashboard
          </button>
        )}
      </form>
      {!areDashboardsKnown.value && <p class="dim">Reading…</p>}
      {areDashboardsKnown.value && all.length === 0 && (
        <Empty title="No dashboards yet">
          {canPut
            ? "Make one, or import a file that somebody gave you."
            : "They are made by operators; what is stored is to be seen in Explore."}
        </Empty>
      )}
      {all.length > 0 && found.length === 0 && <Empty title="No such dashboard">Search for less.</Empty>}
      <ul class="dash-list">
        {found.slice(0, SHOWN_MAX).map((dashboard) => {
          const { dashboardId, title, description, updatedBy, updatedAt, panelCount } = dashboard;
          return (
            <li key={dashboardId} class="card">
              <div>
                <a href={pathTo("dashboards", dashboardId)}>{title}</a>
                {description !== "" && <p class="dim">{description}</p>}
              </div>
              <span class="dim">
                {countOf(panelCount, "panel")}, saved by {updatedBy} <Age ms={msOf(updatedAt)} /> ago
              </span>
              <Menu
                label={`What to do with ${title}`}
                class="quiet"
                items={[
                  ...(canPut ? [{ label: "Duplicate…", choose: () => void copy(dashboard) }] : []),
                  {
                    label: "Export as JSON",
                    choose: () =>
                      void exportDashboard(dashboard.dashboardId, () => getDashboard(dashboard.dashboardId)),
                  },
                  ...(may(SavedDashboards.method.deleteDashboard)
                    ? [{ label: "Delete…", choose: () => void remove(dashboard), isDangerous: true }]
                    : []),
                ]}
              >
                ⋯
              </Menu>
            </li>
          );
        })}
      </ul>
      {found.length > SHOWN_MAX && <p class="dim">{countText(found.length - SHOWN_MAX)} more: search for less.</p>}
      {opened === "new" && <NewDialog onClose={close} />}
      {opened === "import" && (
        <ImportDialog known={new Set(all.map(({ dashboardId }) => dashboardId))} onClose={close} />
      )}
      {typeof opened === "object" && <NewDialog from={opened} onClose={close} />}
    </>
  );
}

function matches({ dashboardId, title, description }: SavedDashboard, search: string): boolean {
  return [dashboardId, title, description].some((text) => text.toLowerCase().includes(search));
}
