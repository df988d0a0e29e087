import { broken } from "../../../connection.ts";

interface PanelStateProps {
  readonly isRead: boolean;
  /** "": none. */
  readonly failure: string;
  readonly isEmpty: boolean;
}

/** What stands in a panel beside, or in place of, what it shows. */
export function PanelState({ isRead, failure, isEmpty }: PanelStateProps) {
  if (failure !== "" && isEmpty) {
    return (
      <p role="alert" class="dash-failure">
        It cannot be read: {failure}
      </p>
    );
  }
  if (failure !== "") {
    // That nothing comes any more is said once for all of the page.
    if (broken.value !== undefined) return null;
    return (
      <p role="alert" class="dash-failure ellipsis" title={failure}>
        Not new any more: {failure}
      </p>
    );
  }
  if (!isRead) return <p class="dim dash-nothing">Reading…</p>;
  return isEmpty ? <p class="dim dash-nothing">Nothing in this range: choose a longer one, or other filters.</p> : null;
}
