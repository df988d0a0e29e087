import { useEffect } from "preact/hooks";
import { Collaboration, SessionState } from "../../../wire/gen/collaboration_pb.ts";
import { collaborationApi } from "../../api.ts";
import { enterRoom, GUEST, leaveRoom, present } from "../../data/presence.ts";
import { Empty } from "../../parts/empty.tsx";
import { tellError } from "../../parts/tell.ts";
import { go, pathTo } from "../../route.ts";
import { usePageTitle } from "../../page-title.ts";
import { user } from "../../user.ts";
import { Composer } from "./composer.tsx";
import { LockMark } from "./encryption.tsx";
import { People } from "./people.tsx";
import { RoomActions } from "./room-actions.tsx";
import { RoomMessages } from "./room-messages.tsx";
import { RoomTopic } from "./room-topic.tsx";
import { STATE_WORDS, TopicText } from "./topic.tsx";
import { UnsentItems } from "./unsent-item.tsx";
import { may } from "../../who.ts";

export function RoomView({ id }: { id: string }) {
  const name = user.value;
  useEffect(() => void enterRoom(id), [id, name]);
  const room = present.value;
  usePageTitle(room?.session.value?.title || id);
  if (room?.id !== id) return null;
  if (room.failure.value !== "") {
    return (
      <>
        <h1>{id}</h1>
        <Empty title={room.failure.value}>
          <a href="/sessions">See all sessions</a>
          {room.isUnknown.value && may(Collaboration.method.createSession) && (
            <>
              , or <button onClick={() => void openRoom(id)}>open one of this name</button>
            </>
          )}
        </Empty>
        {room.outbox.unsent.value.length > 0 && (
          <div class="sessions-messages">
            <ol>
              <UnsentItems outbox={room.outbox} />
            </ol>
          </div>
        )}
      </>
    );
  }
  const { title = "", state = SessionState.OPEN, topic } = room.session.value ?? {};
  return (
    <div class="sessions-room">
      <header class="sessions-head">
        <h1>{title || id}</h1>
        {state !== SessionState.OPEN && <span class="sessions-state">{STATE_WORDS[state]}</span>}
        <LockMark room={room} />
        <span class="sessions-about">
          <TopicText topic={topic} />
        </span>
        <nav class="sessions-actions" aria-label="This session">
          <a class="button" href={pathTo("sessions", id, "replay")}>
            Replay
          </a>
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
      {/* What this server has of the same names need not be what was talked about. */}
      {state === SessionState.IMPORTED ? (
        <p class="dim">
          Its charts and alerts came with it: see its <a href={pathTo("sessions", id, "replay")}>replay</a>.
        </p>
      ) : (
        <RoomTopic room={room} />
      )}
    </div>
  );
}

async function openRoom(id: string): Promise<void> {
  try {
    await collaborationApi.createSession({ sessionId: id, userId: user.peek() || GUEST });
    leaveRoom();
    enterRoom(id);
  } catch (error) {
    tellError(error);
  }
}
