import { useState } from "preact/hooks";
import type { SavedDashboard } from "../../../wire/gen/saved_dashboards_pb.ts";
import { getDashboard, mistakesOf, putDashboard } from "../../data/dashboards.ts";
import { countText } from "../../format.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { tell } from "../../parts/toast.tsx";
import { readFile } from "./dashboard-json.ts";

const MISTAKES_SHOWN = 20;

/** Dashboards out of a file; those that are there already are replaced only where that is wanted. */
export function ImportDialog({ known, onClose }: { known: ReadonlySet<string>; onClose(): void }) {
  const [dashboards, setDashboards] = useState<readonly SavedDashboard[]>([]);
  const [mistakes, setMistakes] = useState<readonly string[]>([]);
  const [isReplacing, setReplacing] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const there = dashboards.filter(({ dashboardId }) => known.has(dashboardId));
  const wanted = isReplacing ? dashboards : dashboards.filter(({ dashboardId }) => !known.has(dashboardId));
  const read = async (file: File | undefined) => {
    if (file === undefined) return;
    const found = readFile(await file.text());
    setDashboards(found.dashboards);
    setMistakes(found.mistakes);
  };
  const put = async () => {
    setBusy(true);
    const wrong: string[] = [];
    for (const dashboard of wanted) {
      const { dashboardId } = dashboard;
      try {
        const revision = known.has(dashboardId) ? (await getDashboard(dashboardId)).revision : 0n;
        await putDashboard(dashboard, revision);
      } catch (error) {
        wrong.push(...mistakesOf(error).map((mistake) => `${dashboardId}: ${mistake}`));
      }
    }
    setBusy(false);
    setMistakes(wrong);
    if (wrong.length < wanted.length) tell(`${countText(wanted.length - wrong.length)} imported`);
    if (wrong.length === 0) onClose();
  };
  return (
    <Dialog title="Import dashboards" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void put();
        }}
      >
        <label class="field">
          A file as the export makes it
          <input
            type="file"
            accept=".json,application/json"
            // A file that was mended can be chosen again.
            onClick={({ currentTarget }) => (currentTarget.value = "")}
            onChange={({ currentTarget }) => void read(currentTarget.files?.[0])}
          />
        </label>
        {dashboards.length > 0 && <p>{dashboards.map(({ title, dashboardId }) => title || dashboardId).join(", ")}</p>}
        {there.length > 0 && (
          <label class="check">
            <input
              type="checkbox"
              checked={isReplacing}
              onChange={({ currentTarget }) => setReplacing(currentTarget.checked)}
            />
            Replace what is there already: {there.map(({ dashboardId }) => dashboardId).join(", ")}
          </label>
        )}
        {mistakes.length > 0 && (
          <ul role="alert" class="dash-mistakes">
            {mistakes.slice(0, MISTAKES_SHOWN).map((mistake) => (
              <li key={mistake}>{mistake}</li>
            ))}
            {mistakes.length > MISTAKES_SHOWN && <li>{countText(mistakes.length - MISTAKES_SHOWN)} more</li>}
          </ul>
        )}
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={wanted.length === 0 || isBusy}>
            Import
          </button>
        </div>
      </form>
    </Dialog>
  );
}
