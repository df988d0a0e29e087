import type { SavedDashboard } from "../../../wire/gen/saved_dashboards_pb.ts";
import { saveFile } from "../../parts/save-file.ts";
import { tellError } from "../../parts/toast.tsx";

/** As a file. What makes JSON of messages comes when it is wanted first: it is large. */
export async function exportDashboard(id: string, read: () => Promise<SavedDashboard>): Promise<void> {
  try {
    const [dashboard, { fileText }] = await Promise.all([read(), import("./dashboard-json.ts")]);
    saveJson(`${id}.json`, fileText(dashboard));
  } catch (error) {
    tellError(error, `${id} could not be exported`);
  }
}

/** Several as one file, read one after the other by `read`. */
export async function exportAll(ids: readonly string[], read: (id: string) => Promise<SavedDashboard>): Promise<void> {
  try {
    const whole: SavedDashboard[] = [];
    for (const id of ids) whole.push(await read(id));
    const { fileTextOfAll } = await import("./dashboard-json.ts");
    saveJson("dashboards.json", fileTextOfAll(whole));
  } catch (error) {
    tellError(error, "They could not be exported");
  }
}

function saveJson(name: string, text: string): void {
  saveFile(name, new Blob([text], { type: "application/json" }));
}
