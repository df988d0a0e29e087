/** Openings on a server where no rule has anything opened, as on most: what does it is loaded when one has. */
import { ALERT_EVENT } from "../collaboration-journal.ts";
import { messageOf } from "../../model/errors.ts";
import type { AlertOpening, AlertOpeningDeps } from "./alert-opening.ts";
import { OPENED_INCIDENTS } from "./opened-incident.ts";

export interface Opening {
  /** Begins no round any more; resolves when the one under way is through. Idempotent. */
  close(): Promise<void>;
}

/** Where nothing is asked for, the first change of an alert after it is begins. */
export async function openWhenAsked(deps: AlertOpeningDeps): Promise<Opening> {
  const { journal, openings, onTrouble } = deps;
  const load = async (from?: number) => (await import("./alert-opening.ts")).AlertOpening.open(deps, from);
  const opened = await journal.documents({ collection: OPENED_INCIDENTS, limit: 1 });
  if (openings.isAny() || opened.length > 0) return load();
  let loading: Promise<AlertOpening | undefined> | undefined;
  const unfollow = journal.follow((entries) => {
    const first = entries.find(({ kind }) => kind === ALERT_EVENT);
    if (first === undefined || loading !== undefined || !openings.isAny()) return;
    loading = load(first.position - 1).catch((error: unknown) => {
      onTrouble(`what rules have opened for alerts cannot be opened: ${messageOf(error)}`);
      // With the next change of an alert.
      loading = undefined;
      return undefined;
    });
  });
  return {
    async close() {
      unfollow();
      await (await loading)?.close();
    },
  };
}
