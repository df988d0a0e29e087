import { seenBy } from "../../data/present.ts";
import type { Room } from "../../data/room.ts";
import { nameOf } from "../../data/said.ts";
import { countText } from "../../format.ts";
import { nowMs } from "../../now.ts";
import { pathTo } from "../../route.ts";

const SHOWN_MAX = 12;

/** Who is here, what each looks at, and who is writing. */
export function People({ room }: { room: Room }) {
  const members = [...room.members.value.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const here = pathTo("sessions", room.id);
  const typing = [...room.typing.value].filter(([, untilMs]) => untilMs > nowMs.value).map(([id]) => id);
  const names = typing.map((id) => nameOf(room.members.value.get(id) ?? { userId: id, userName: "" }));
  return (
    <div class="sessions-people">
      <ul aria-label="Who is here">
        {members.slice(0, SHOWN_MAX).map((member) => {
          const { text, href } = seenBy(member);
          return (
            <li key={member.userId} data-away={member.streams === 0}>
              <span aria-hidden="true">{member.streams === 0 ? "○" : "●"}</span> <b>{nameOf(member)}</b>
              {member.userName !== "" && member.userName !== member.userId && ` (${member.userName})`}
              {member.userId === room.userId && <span class="dim"> (you)</span>}
              {member.streams === 0 && <span class="dim"> connection lost</span>}
              {text !== "" && href !== here && member.userId !== room.userId && (
                <span class="dim"> looks at {href === undefined ? text : <a href={href}>{text}</a>}</span>
              )}
            </li>
          );
        })}
        {members.length > SHOWN_MAX && <li class="dim">and {countText(members.length - SHOWN_MAX)} more</li>}
      </ul>
      <p class="dim sessions-typing">
        {names.length > 0 && `${names.slice(0, 3).join(", ")}${names.length > 3 ? " and others" : ""} writing…`}
      </p>
    </div>
  );
}
