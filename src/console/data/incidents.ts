/** The likely cause of each incident, as the server sees it: asked for while somebody looks, since there is no stream of it. */
import { signal } from "@preact/signals";
import { alertsApi } from "../api.ts";
import { onAlerts } from "./alerts.ts";

const READ_EVERY_MS = 10_000;
/** Each comes with up to a hundred ids. */
const READ_MAX = 200;
const roots = signal<ReadonlyMap<string, string>>(new Map());

/** Id of the alert that is the likely cause; undefined: not known yet. */
export function rootOf(incidentId: string): string | undefined {
  return roots.value.get(incidentId);
}

/** Asks now, and after alerts have fired. Returns what ends that. */
export function followRoots(): () => void {
  const controller = new AbortController();
  const { signal: ended } = controller;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const read = async () => {
    try {
      const { incidents } = await alertsApi.listIncidents({ limit: READ_MAX }, { signal: ended });
      roots.value = new Map(incidents.map(({ id, rootAlertId }) => [id, rootAlertId]));
    } catch {
      // The gravest alert stands for the incident meanwhile.
    }
    timer = undefined;
  };
  const unlisten = onAlerts(({ deltas }) => {
    const isNews = deltas.some(({ before, after }) => before === undefined && after !== undefined);
    if (isNews) timer ??= setTimeout(read, READ_EVERY_MS);
  });
  void read();
  return () => {
    controller.abort();
    clearTimeout(timer);
    unlisten();
  };
}
