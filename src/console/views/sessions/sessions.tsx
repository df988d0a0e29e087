import { ConnectError } from "@connectrpc/connect";
import { useEffect, useState } from "preact/hooks";
import type { Session } from "../../../wire/gen/collaboration_pb.ts";
import { collaborationApi } from "../../api.ts";
import { Room } from "../../data/room.ts";
import { countText, msOf } from "../../format.ts";
import { NameField } from "../../parts/name-field.tsx";
import { Age, Time } from "../../parts/time.tsx";
import { route } from "../../route.ts";
import { user } from "../../user.ts";

const READ_EVERY_MS = 10_000;
const LOBBY = "lobby";

export function SessionsView() {
  const id = route.value.params.get("room") ?? "";
  return id === "" ? <SessionList /> : <RoomView key={id} id={id} />;
}

function SessionList() {
  const [sessions, setSessions] = useState<readonly Session[]>([]);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const read = () =>
      collaborationApi.listSessions({}, { signal }).then(
        (list) => setSessions(list.sessions),
        () => {},
      );
    void read();
    const timer = setInterval(read, READ_EVERY_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    return () => controller.abort();
  }, []);
  return (
    <>
      <h1>Sessions</h1>
      <p>
        <a href={`/sessions?room=${LOBBY}`}>Go to the lobby</a>, or to what others work on:
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">Session</th>
            <th scope="col" class="number">
              Messages
            </th>
            <th scope="col">Here</th>
            <th scope="col">Last active</th>
          </tr>
        </thead>
        <tbody>
          {sessions.map(({ id, title, messages, members, lastActivityAt }) => (
            <tr key={id}>
              <td>
                <a href={`/sessions?room=${encodeURIComponent(id)}`}>{title || id}</a>
              </td>
              <td class="number">{countText(messages)}</td>
              <td>{members.map(({ userId, userName }) => userName || userId).join(", ")}</td>
              <td>
                <Age ms={msOf(lastActivityAt)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function RoomView({ id }: { id: string }) {
  const [room, setRoom] = useState<Room>();
  const [text, setText] = useState("");
  const [failure, setFailure] = useState("");
  const name = user.value;
  useEffect(() => {
    const entered = new Room(id);
    setRoom(entered);
    return entered.stop;
  }, [id, name]);
  const say = async () => {
    try {
      await room!.say(text);
      setText("");
      setFailure("");
    } catch (error) {
      setFailure(ConnectError.from(error).rawMessage);
    }
  };
  return (
    <>
      <h1>{id}</h1>
      <p class="dim">
        Here: {room?.members.value.map(({ userId, userName }) => userName || userId).join(", ") || "nobody"} ·{" "}
        <a href="/sessions">all sessions</a>
      </p>
      <ol class="messages" aria-live="polite">
        {room?.messages.value.map(({ number, userId, userName, message, timestamp }) => (
          <li key={String(number)}>
            <Time ms={msOf(timestamp)} /> <strong>{userName || userId}</strong> {message}
          </li>
        ))}
      </ol>
      {failure !== "" && <p role="alert">{failure}</p>}
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== "") void say();
        }}
      >
        <NameField />
        <label>
          Say{" "}
          <input data-hotkey="/" size={60} value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
        </label>
        <button type="submit" disabled={name === ""} title={name === "" ? "Say your name first" : ""}>
          Send
        </button>
      </form>
    </>
  );
}
