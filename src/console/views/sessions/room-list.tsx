import { useEffect, useState } from "preact/hooks";
import { Collaboration, SessionState, type Session } from "../../../wire/gen/collaboration_pb.ts";
import { LOBBY } from "../../data/room.ts";
import { readUpTo } from "../../data/read-marks.ts";
import { followRooms, lastWords, readEarlierRooms, roomList } from "../../data/rooms.ts";
import { nameOf, saidIn } from "../../data/said.ts";
import { countText, msOf } from "../../format.ts";
import { Empty } from "../../parts/empty.tsx";
import { tellError } from "../../parts/tell.ts";
import { Age } from "../../parts/time.tsx";
import { pathTo, route, setParams } from "../../route.ts";
import { ImportRoom } from "./import-room.tsx";
import { Lock } from "./encryption.tsx";
import { NewRoom } from "./new-room.tsx";
import { STATE_WORDS, TopicText, topicNames } from "./topic.tsx";
import { may } from "../../who.ts";

const SHOWN_FIRST = 100;

export function RoomList() {
  useEffect(followRooms, []);
  const [shown, setShown] = useState(SHOWN_FIRST);
  const { params } = route.value;
  const [text, state] = [params.get("find") ?? "", params.get("state") ?? ""];
  const { sessions, nextPage, isKnown, failure } = roomList.value;
  const found = sessions.filter((session) => isFound(session, text, state)).sort(latestFirst);
  return (
    <>
      <h1>Sessions</h1>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Find{" "}
          <input
            type="search"
            data-hotkey="/"
            placeholder="title, topic, person"
            value={text}
            onInput={({ currentTarget }) => setParams({ find: currentTarget.value })}
          />
        </label>
        <label>
          State{" "}
          <select value={state} onChange={({ currentTarget }) => setParams({ state: currentTarget.value })}>
            <option value="">all</option>
            {Object.values(STATE_WORDS).map((word) => (
              <option key={word}>{word}</option>
            ))}
          </select>
        </label>
        <a href={pathTo("sessions", LOBBY)}>Go to the lobby</a>
        {may(Collaboration.method.createSession) && <NewRoom />}
        {may(Collaboration.method.importSession) && <ImportRoom />}
      </form>
      {failure !== "" && <p role="alert">Sessions could not be read: {failure}.</p>}
      {!isKnown && failure === "" && <p role="status">Reading sessions…</p>}
      {isKnown && sessions.length === 0 && (
        <Empty title="Nobody has met yet">
          {may(Collaboration.method.createSession) && "Open a session about what you look at, or go to the lobby. "}
          Alerts open theirs where their rule says so.
        </Empty>
      )}
      {isKnown && sessions.length > 0 && found.length === 0 && (
        <Empty title="No session is like that">
          Take a part of what you look for away.{" "}
          <button onClick={() => setParams({ find: "", state: "" })}>Show all</button>
        </Empty>
      )}
      {found.length > 0 && (
        <ul class="sessions-list" aria-label="Sessions, the last activity first">
          {found.slice(0, shown).map((session) => (
            <RoomEntry key={session.id} session={session} />
          ))}
        </ul>
      )}
      {found.length > shown && (
        <button onClick={() => setShown(shown + SHOWN_FIRST)}>{countText(found.length - shown)} more</button>
      )}
      {nextPage !== "" && (
        <p>
          <button onClick={() => readEarlierRooms().catch((error: unknown) => tellError(error))}>
            Earlier sessions
          </button>{" "}
          <span class="dim">{countText(sessions.length)} are looked through so far.</span>
        </p>
      )}
    </>
  );
}

function RoomEntry({ session }: { session: Session }) {
  const { id, title, state, members, lastActivityAt, encryption } = session;
  const words = lastWords.value.get(id);
  const read = readUpTo(id);
  const isNew = words !== undefined && read !== undefined && Number(words.number) > read;
  return (
    <li data-state={STATE_WORDS[state]}>
      <a href={pathTo("sessions", id)}>
        <strong>{title || id}</strong>
      </a>
      {isNew && <span class="new-badge">new</span>}
      {state !== SessionState.OPEN && <span class="sessions-state">{STATE_WORDS[state]}</span>}
      {encryption !== undefined && (
        <span class="sessions-state">
          <Lock /> encrypted
        </span>
      )}
      <span class="dim sessions-when">
        <Age ms={msOf(lastActivityAt)} />
        <span class="unseen"> ago</span>
      </span>
      <p class="sessions-words">
        {words === undefined ? (
          <span class="dim">nothing was said yet</span>
        ) : (
          <>
            <b>{nameOf(words)}</b> {saidIn(words).text.slice(0, WORDS_LENGTH)}
          </>
        )}
      </p>
      <p class="dim sessions-about">
        <TopicText topic={session.topic} />
        {members.length > 0 && (
          <span>
            <span aria-hidden="true">● </span>
            {members.slice(0, NAMES_MAX).map(nameOf).join(", ")}
            {members.length > NAMES_MAX && ` and ${members.length - NAMES_MAX} more`} here
          </span>
        )}
      </p>
    </li>
  );
}

const [WORDS_LENGTH, NAMES_MAX] = [200, 5];

function isFound(session: Session, text: string, state: string): boolean {
  if (state !== "" && STATE_WORDS[session.state] !== state) return false;
  const { id, title, members, topic } = session;
  const wanted = text.toLowerCase();
  const all = [id, title, ...members.map(nameOf), ...topicNames(topic)];
  return wanted === "" || all.some((each) => each.toLowerCase().includes(wanted));
}

function latestFirst(a: Session, b: Session): number {
  return (msOf(b.lastActivityAt) ?? 0) - (msOf(a.lastActivityAt) ?? 0);
}
