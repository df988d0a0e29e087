/** How the server stands, and what has happened lately. Followed while something shows it. */
import { signal } from "@preact/signals";
import type { Change, ServerStatus } from "../../wire/gen/server_pb.ts";
import { serverApi } from "../api.ts";
import { follow, following } from "../follow.ts";

export const serverStatus = signal<ServerStatus | undefined>(undefined);
/** The last one first. */
export const changes = signal<readonly Change[]>([]);
export const areChangesKnown = signal(false);

const STATUS_EVERY_MS = 2_000;
const SHOWN_EVERY_MS = 200;
/** Earlier ones are asked for. */
const [CHANGES_FIRST, CHANGES_KEPT] = [100, 1_000];

/** Of a beginning that has not ended. */
let coming: Change[] | undefined;
/** Not shown yet. */
let fresh: Change[] = [];
let showTimer: ReturnType<typeof setTimeout> | undefined;

export function followStatus(): () => void {
  return follow(
    (options) => serverApi.watchStatus({ intervalMs: STATUS_EVERY_MS }, options),
    (status) => (serverStatus.value = status),
    { what: "the server's state" },
  );
}

export const followChanges = following<Change>("what changes", {
  begin: () => (coming = []),
  open: (cursor, options) => serverApi.watchChanges({ last: CHANGES_FIRST, cursor }, options),
  hear,
  isBeginning: () => coming !== undefined,
});

function hear(change: Change): void {
  if (change.snapshotEnd) {
    changes.value = coming?.reverse() ?? [];
    coming = undefined;
    areChangesKnown.value = true;
  } else if (coming !== undefined) return void coming.push(change);
  else {
    fresh.push(change);
    showTimer ??= setTimeout(showFresh, SHOWN_EVERY_MS);
  }
}

/** Many at once are shown at once. */
function showFresh(): void {
  showTimer = undefined;
  changes.value = [...fresh.reverse(), ...changes.peek()].slice(0, CHANGES_KEPT);
  fresh = [];
}
