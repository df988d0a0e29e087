import { tell, tellError } from "../../parts/tell.ts";
import type { DashboardState } from "./dashboard-state.ts";

/** Tells how it went; a conflict is shown above the panels. */
export async function save(state: DashboardState, isDeliberate: boolean): Promise<void> {
  try {
    if (state.isSaving.peek()) return;
    if (await state.save(isDeliberate)) tell("Saved");
    else
      tellError(
        new Error("somebody else saved meanwhile; above the panels stands what can be done"),
        "It was not saved",
      );
  } catch (error) {
    tellError(error, "It was not saved");
  }
}
