import { putAwayErrors, tell, tellError } from "../../parts/tell.ts";
import type { DashboardState } from "./dashboard-state.ts";
import { titleOf } from "./panel-frame.tsx";

const FAILED = "It was not saved";
const TOLD_MAX = 3;

/** Tells how it went; a conflict is shown above the panels. */
export async function save(state: DashboardState, isDeliberate: boolean): Promise<void> {
  try {
    if (state.isSaving.peek()) return;
    putAwayErrors(FAILED);
    if (await state.save(isDeliberate)) tell("Saved");
    else tellError(new Error("somebody else saved meanwhile; above the panels stands what can be done"), FAILED);
  } catch (error) {
    const mistakes = mistakesIn(state);
    tellError(mistakes === "" ? error : new Error(mistakes), FAILED);
  }
}

/** `panel "Flow", metric is empty; wanted …`; "": none is known. */
function mistakesIn(state: DashboardState): string {
  const panels = state.draft.peek()?.present.panels ?? [];
  const all = state.mistakes.peek().map(({ panelId, text }) => {
    const panel = panels.find(({ id }) => id === panelId);
    return panel === undefined ? text : `panel "${titleOf(panel)}", ${text}`;
  });
  const more = all.length > TOLD_MAX ? `; ${all.length - TOLD_MAX} more` : "";
  return all.slice(0, TOLD_MAX).join("; ") + more;
}
