import { useEffect, useRef } from "preact/hooks";
import type { ToldKey } from "../../key-sequence.ts";
import { useKeys } from "../../keys.ts";
import { setParams } from "../../route.ts";
import type { DashboardState } from "./dashboard-state.ts";
import { save } from "./save.ts";

const EDITING_KEYS: readonly ToldKey[] = [
  { keys: "Ctrl+Z", label: "Undo" },
  { keys: "Ctrl+S", label: "Save" },
  { keys: "← → ↑ ↓", label: "Move the panel whose place has the focus, with Shift resize it" },
];

/** Single keys, and those with Ctrl (or Command) that editors have. */
export function useDashboardKeys(
  state: DashboardState,
  { canEdit, isEditing, isKiosk }: { canEdit: boolean; isEditing: boolean; isKiosk: boolean },
): void {
  const edit = {
    ...{ keys: "e", label: "Edit, or end it" },
    run: () => setParams({ edit: isEditing ? "" : "1", kiosk: "", panel: "" }),
  };
  useKeys(
    "Dashboard",
    [
      ...(canEdit ? [edit] : []),
      {
        keys: "k",
        label: "Kiosk, or leave it",
        run: () => setParams({ kiosk: isKiosk ? "" : "1", edit: "", panel: "" }),
      },
    ],
    isEditing ? EDITING_KEYS : [],
  );
  const present = useRef(isEditing);
  present.current = isEditing;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const isTyping = (event.target as Element).closest?.("input, select, textarea, dialog") !== null;
      if (!present.current || isTyping || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      if (event.key === "z") state.undo();
      else if (event.key === "s") void save(state, false);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [state]);
}
