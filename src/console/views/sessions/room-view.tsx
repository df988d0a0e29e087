import { useEffect, useState } from "preact/hooks";
import { SessionState } from "../../../wire/gen/collaboration_pb.ts";
import { enterRoom, leaveRoom } from "../../data/presence.ts";
import type { Room } from "../../data/room.ts";
import { Empty } from "../../parts/empty.tsx";
import { go, pathTo } from "../../route.ts";
import { user } from "../../user.ts";
import { Composer } from "./composer.tsx";
import { People } from "./people.tsx";
import { RoomActions } from "./room-actions.tsx";
import { RoomMessages } from "./room-messages.tsx";
import { RoomTopic } from "./room-topic.tsx";
import { STATE_WORDS, TopicText } from "./topic.tsx";

export function RoomView({ id }: { id: string }) {
  const [room, setRoom] = useState<Room>();
  const name = user.value;
  useEffect(() => setRoom(enterRoom(id)), [id, name]);
  if (room === undefined) return null;
  if (room.failure.value !== "") {
    return (
      <Empty title={room.failure.value}>
        <a href="/sessions">See all sessions</a>, or open a new one there.
      </Empty>
    );
  }
  const { title = "", state = SessionState.OPEN, topic } = room.session.value ?? {};
  return (
    <div class="sessions-room">
      <header class="sessions-head">
        <h1>{title || id}</h1>
        {state !== SessionState.OPEN && <span class="sessions-state">{STATE_WORDS[state]}</span>}
        <span class="sessions-about">
          <TopicText topic={topic} />
        </span>
        <nav class="sessions-actions" aria-label="This session">
          <a href={pathTo("sessions", id, "replay")}>Replay</a>
          <a href={`/issues?new=&session=${encodeURIComponent(id)}`}>New issue</a>
          <RoomActions room={room} />
          <button
            onClick={() => {
              leaveRoom();
              go("/sessions");
            }}
          >
            Leave
          </button>
        </nav>
      </header>
      <section class="sessions-chat" aria-label="What is said">
        <People room={room} />
        <RoomMessages room={room} />
        <Composer room={room} />
      </section>
      <RoomTopic room={room} />
    </div>
  );
}
