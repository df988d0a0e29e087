import { useState } from "preact/hooks";
import { matchersFor } from "../../../data/silence-draft.ts";
import { SilenceForm } from "../silences/silence-form.tsx";
import type { DialogProps } from "./dialogs.tsx";

/** Silences what alerts like these would tell. */
export function SilenceDialog({ rows, onClose }: DialogProps) {
  const [matchers] = useState(() => matchersFor(rows));
  return <SilenceForm begun={{ matchers, comment: "" }} meant={rows} onClose={onClose} />;
}
