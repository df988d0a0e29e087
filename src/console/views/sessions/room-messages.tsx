import { ConnectError } from "@connectrpc/connect";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { AlertNotices, type AlertNotice } from "../../data/alert-notices.ts";
import { alertBook, alertList } from "../../data/alerts.ts";
import { markRead, readUpTo } from "../../data/read-marks.ts";
import type { Room } from "../../data/room.ts";
import { firstNumber, laterCount, type RoomLog } from "../../data/room-log.ts";
import { roomRows } from "../../data/room-rows.ts";
import { isAbout } from "../../data/topic-charts.ts";
import { countText, dayText, isUtc } from "../../format.ts";
import { serverNowMs } from "../../now.ts";
import { known } from "./known.ts";
import { useRovingLinks } from "./roving-links.ts";
import { ISSUE_LINKS, RowItem } from "./row-item.tsx";
import { UnsentItems } from "./unsent-item.tsx";

/** So near to the end one reads along. */
const NEAR_END_PX = 60;

export function RoomMessages({ room }: { room: Room }) {
  const list = useRef<HTMLDivElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const [isReading, setReading] = useState(false);
  const [failure, setFailure] = useState("");
  // As it was when the room was entered: it does not move under the reader.
  const mark = useMemo(() => readUpTo(room.id), [room]);
  const log = room.log.value;
  const messages = room.messages.value;
  const later = laterCount(log);
  const unsentCount = room.outbox.unsent.value.length;
  const notices = useAlertNotices(room);
  const rows = useMemo(() => {
    return roomRows(messages, mark, dayText, later > 0 ? [] : notices, room.userId);
  }, [messages, mark, notices, later > 0, isUtc.value, room.userId]);
  const onLinkKey = useRovingLinks(list, ISSUE_LINKS, rows);
  const first = log.messages[0]?.number;
  const anchor = useRef<{ first: bigint | undefined; fromEndPx: number }>({ first, fromEndPx: 0 });

  useLayoutEffect(() => {
    const box = list.current!;
    // What is put before what is read does not move it.
    if (anchor.current.first !== first && !isAtEnd) box.scrollTop = box.scrollHeight - anchor.current.fromEndPx;
    else if (isAtEnd) box.scrollTop = box.scrollHeight;
    anchor.current = { first, fromEndPx: box.scrollHeight - box.scrollTop };
  }, [rows, unsentCount, isAtEnd]);

  useEffect(() => {
    // Whoever reads along goes on to, where what is below takes room.
    const box = list.current!;
    const sizes = new ResizeObserver(() => isAtEnd && (box.scrollTop = box.scrollHeight));
    // Rows have their heights once they were seen.
    for (const each of [box, box.firstElementChild!]) sizes.observe(each);
    return () => sizes.disconnect();
  }, [isAtEnd]);

  useEffect(() => {
    const see = () => {
      if (isAtEnd && !document.hidden && later === 0) markRead(room.id, log.lastNumber);
    };
    see();
    document.addEventListener("visibilitychange", see);
    return () => document.removeEventListener("visibilitychange", see);
  }, [isAtEnd, log.lastNumber, later]);

  const read = async (action: () => Promise<void>) => {
    setReading(true);
    setFailure("");
    await action().catch((error: unknown) => setFailure(ConnectError.from(error).rawMessage));
    setReading(false);
  };
  const onScroll = () => {
    const box = list.current!;
    const fromEndPx = box.scrollHeight - box.scrollTop;
    anchor.current.fromEndPx = fromEndPx;
    setAtEnd(fromEndPx - box.clientHeight < NEAR_END_PX);
    if (box.scrollTop === 0 && log.hasEarlier && !isReading) void read(() => room.readEarlier());
  };
  const unread = isAtEnd ? 0 : log.messages.filter(({ number }) => Number(number) > (readUpTo(room.id) ?? 0)).length;
  return (
    <div class="sessions-log">
      <div
        ref={list}
        class="sessions-messages"
        role="log"
        aria-label="Messages"
        aria-busy={isReading}
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={onLinkKey}
      >
        <ol>
          {log.hasEarlier && (
            <li class="sessions-edge">
              <button disabled={isReading} onClick={() => void read(() => room.readEarlier())}>
                {isReading ? "Reading…" : "Earlier messages"}
              </button>
            </li>
          )}
          {!log.hasEarlier && room.isKnown.value && <li class="sessions-edge dim">{edgeText(log)}</li>}
          {!room.isKnown.value && (
            <li class="sessions-edge">
              <span role="status">Coming in…</span>
            </li>
          )}
          {rows.map((row) => (
            <RowItem key={row.key} row={row} userId={room.userId} known={known} />
          ))}
          <UnsentItems outbox={room.outbox} />
        </ol>
      </div>
      {failure !== "" && <p role="alert">{failure}</p>}
      {(later > 0 || unread > 0) && (
        <button
          class="sessions-down"
          onClick={() => {
            setAtEnd(true);
            if (later > 0) void read(() => room.readLast());
          }}
        >
          {countText(later + unread)} later ↓
        </button>
      )}
    </div>
  );
}

function useAlertNotices(room: Room): readonly AlertNotice[] {
  const kept = useMemo(() => new AlertNotices(), [room]);
  const topic = room.session.value?.topic;
  const about = topic === undefined ? [] : alertList.value.filter((alert) => isAbout(topic, alert));
  return kept.take(about, (id) => alertBook.row(id)?.status === "cleared", serverNowMs());
}

function edgeText(log: RoomLog): string {
  if (log.messages.length === 0) return "Nothing was said yet.";
  return firstNumber(log) > 1 ? "Earlier ones are not kept here." : "Here it begins.";
}
