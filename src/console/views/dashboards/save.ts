import { tell, tellError } from "../../parts/tell.ts";
import type { DashboardState } from "./dashboard-state.ts";

/** Tells how it went; a conflict is shown above the panels. */
export async function save(state: DashboardState, isDeliberate: boolean): Promise<void> {
  try {
    if (await state.save(isDeliberate)) tell("Saved");
  } catch (error) {
    tellError(error, "It was not saved");
  }
}
