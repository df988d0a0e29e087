import { computed } from "@preact/signals";
import { leaveRoom, outboxes, present } from "../data/presence.ts";
import { readUpTo } from "../data/read-marks.ts";
import { isSaid } from "../data/said.ts";
import { pathTo, route } from "../route.ts";

/** Said by others while one looks at something else. */
const unread = computed(() => {
  const room = present.value;
  if (room === undefined) return 0;
  const read = readUpTo(room.id) ?? 0;
  return room.log.value.messages.filter((each) => Number(each.number) > read && isSaid(each)).length;
});

/** In the header: the session one is in, while another part of the console is shown, and those that refused what was written in them. */
export function InRoom() {
  const room = present.value;
  const shown = route.value.view === "sessions" ? route.value.rest[0] : undefined;
  const isIn = room !== undefined && room.failure.value === "" && !room.isImported.value && shown !== room.id;
  const refused = [...outboxes.refused.value].filter(([id]) => id !== shown);
  if (!isIn && refused.length === 0) return null;
  return (
    <p class="header-in">
      {refused.map(([id, count]) => (
        <span key={id} role="alert">
          <a href={pathTo("sessions", id)} title={`In the session ${id}: see why`}>
            <span class="new-badge">{count} not sent</span>
          </a>
        </span>
      ))}
      {isIn && (
        <>
          <a href={pathTo("sessions", room.id)} title="The others of the session see what you look at">
            <span class="ellipsis">{room.session.value?.title || room.id}</span>
            {unread.value > 0 && <span class="new-badge">{unread.value} new</span>}
          </a>
          <button class="quiet" aria-label="Leave the session" title="Leave the session" onClick={leaveRoom}>
            ×
          </button>
        </>
      )}
    </p>
  );
}
