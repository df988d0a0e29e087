import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Replay } from "../../../data/replay/replay.ts";
import { roomRows } from "../../../data/room-rows.ts";
import { dayText, isUtc } from "../../../format.ts";
import { user } from "../../../user.ts";
import { known } from "../known.ts";
import { useRovingLinks } from "../roving-links.ts";
import { ISSUE_LINKS, RowItem } from "../row-item.tsx";

const SHOWN_MAX = 200;

/** What had been said then. */
export function ReplayChat({ replay }: { replay: Replay }) {
  const list = useRef<HTMLDivElement>(null);
  const { said } = replay.state.value;
  const rows = useMemo(() => {
    const messages = replay.buffer.messages.slice(Math.max(0, said - SHOWN_MAX), said);
    return roomRows(messages, undefined, dayText);
  }, [replay, said, isUtc.value]);
  const onLinkKey = useRovingLinks(list, ISSUE_LINKS, rows);
  useLayoutEffect(() => {
    list.current!.scrollTop = list.current!.scrollHeight;
  }, [said]);
  return (
    <section class="replay-chat" aria-label="What was said">
      <h2>Chat</h2>
      <div ref={list} class="sessions-messages" tabIndex={0} onKeyDown={onLinkKey}>
        {said > SHOWN_MAX && <p class="dim">{said - SHOWN_MAX} earlier messages</p>}
        {said === 0 && !replay.isAhead.value && <p class="dim">Nothing was said yet at this time.</p>}
        <ol>
          {rows.map((row) => (
            <RowItem key={row.key} row={row} userId={user.value} known={known} />
          ))}
        </ol>
      </div>
    </section>
  );
}
