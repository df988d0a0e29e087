import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { Collaboration, SessionState } from "../../../wire/gen/collaboration_pb.ts";
import { CHAT_COMMANDS, chatCommandOf, completionOf } from "../../../model/chat-command.ts";
import { UNSENT_MAX } from "../../data/outbox.ts";
import { leaveRoom } from "../../data/presence.ts";
import type { Room } from "../../data/room.ts";
import { msOf } from "../../format.ts";
import type { ToldKey } from "../../key-sequence.ts";
import { useKeys } from "../../keys.ts";
import { serverNowMs } from "../../now.ts";
import { NameField } from "../../parts/name-field.tsx";
import { Time } from "../../parts/time.tsx";
import { go, pathTo } from "../../route.ts";
import { user } from "../../user.ts";
import { ActiveAlerts, CommandHelp, OpenIssues, WhoIsHere } from "./notices.tsx";
import { KeyField, keyWanted, PlainNote } from "./encryption.tsx";
import { annotationDraft } from "./annotation-draft.ts";
import { may, roleText } from "../../who.ts";

/** As much as the server takes. */
const TEXT_BYTES_MAX = 64 * 1024;
const ROWS_MAX = 8;
/** While one writes. */
const FIELD_KEYS: readonly ToldKey[] = [
  { keys: "Enter", label: "Send the message" },
  { keys: "Shift+Enter", label: "A new line" },
  { keys: "Tab", label: "Complete a command that is begun with /" },
];

export function Composer({ room }: { room: Room }) {
  const [text, setText] = useState("");
  const [failure, setFailure] = useState("");
  const [notice, setNotice] = useState<ComponentChildren>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  useKeys("Session", [], FIELD_KEYS);
  const { state, closedBy = "", closedAt } = room.session.value ?? {};
  if (state === SessionState.IMPORTED) {
    const wanted = keyWanted(room);
    if (wanted !== undefined) return <KeyField room={room} why={wanted} />;
    return <p class="dim">It was imported: it can be read and replayed.</p>;
  }
  if (state === SessionState.CLOSED) {
    return (
      <p class="dim">
        It was closed by {closedBy} <Time ms={msOf(closedAt)} />: nothing is added until it is opened again.
      </p>
    );
  }
  const why = keyWanted(room);
  if (why !== undefined) return <KeyField room={room} why={why} />;
  if (!may(Collaboration.method.sendMessage)) {
    return roleText.value === "" ? null : (
      <p class="dim">You are {roleText.value}: you listen here, and do not write.</p>
    );
  }
  if (user.value === "") {
    return (
      <div class="sessions-composer">
        <NameField help="Say who you are, then write." />
      </div>
    );
  }
  const say = () => {
    setFailure("");
    setNotice(null);
    try {
      const done = carryOut(text, room);
      if (done === undefined) return;
      setNotice(done);
      setText("");
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  const bytes = text.length > TEXT_BYTES_MAX / 4 ? new TextEncoder().encode(text).length : 0;
  const begun = /^\/(\w*)$/.exec(text)?.[0];
  const suggested = begun === undefined ? [] : CHAT_COMMANDS.filter(({ usage }) => usage.startsWith(begun));
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.altKey && !event.isComposing) {
      event.preventDefault();
      if (bytes <= TEXT_BYTES_MAX) say();
    } else if (event.key === "Tab" && !event.shiftKey && completionOf(text) !== "") {
      event.preventDefault();
      setText(text + completionOf(text));
    }
  };
  return (
    <form
      class="sessions-composer"
      onSubmit={(event) => {
        event.preventDefault();
        say();
        field.current?.focus();
      }}
    >
      <div class="sessions-notice" aria-live="polite">
        {notice}
      </div>
      {suggested.length > 0 && (
        <ul class="sessions-commands" id="commands" aria-label="Commands">
          {suggested.map(({ usage, what }) => (
            <li key={usage}>
              <button
                type="button"
                class="quiet"
                onClick={() => {
                  setText(`${usage.split(/[ ,]/)[0]} `);
                  field.current?.focus();
                }}
              >
                {usage}
              </button>{" "}
              <span class="dim">{what}</span>
            </li>
          ))}
        </ul>
      )}
      {failure !== "" && <p role="alert">{failure}</p>}
      {bytes > TEXT_BYTES_MAX && (
        <p role="alert">{(bytes - TEXT_BYTES_MAX).toLocaleString()} bytes too long: a message has at most 64 KiB.</p>
      )}
      <div class="sessions-write">
        <textarea
          ref={field}
          data-hotkey="/"
          aria-label="Write a message, or / for commands"
          aria-describedby={suggested.length > 0 ? "commands" : undefined}
          placeholder="Write, or / for commands"
          rows={Math.min(ROWS_MAX, text.split("\n").length)}
          value={text}
          onKeyDown={onKeyDown}
          onInput={({ currentTarget: { value } }) => {
            setText(value);
            if (value !== "" && !value.startsWith("/")) room.isTyping(performance.now());
          }}
        />
        <button type="submit" disabled={text.trim() === "" || bytes > TEXT_BYTES_MAX}>
          Send
        </button>
      </div>
      <PlainNote room={room} />
    </form>
  );
}

/** What whoever typed it is shown besides; undefined: nothing was typed. Throws for what is no command. */
function carryOut(text: string, room: Room): ComponentChildren | undefined {
  const command = chatCommandOf(text);
  if (command === undefined) return undefined;
  const add = (messageType: string, message: string, metadata: Readonly<Record<string, string>>) => {
    if (room.outbox.add({ userId: room.userId, messageType, message, metadata })) return null;
    throw new Error(`${UNSENT_MAX} messages wait to be sent: wait for them, or discard some`);
  };
  switch (command.kind) {
    case "say":
      return add("chat", command.text, {});
    case "action":
    case "issue":
      return add(command.kind, command.text, command.metadata);
    case "annotate": {
      const { message, metadata } = annotationDraft(command, serverNowMs());
      return add("annotation", message, metadata);
    }
    case "show-issue":
      go(pathTo("issues", String(command.number)));
      return null;
    case "alerts":
      return <ActiveAlerts />;
    case "issues":
      return <OpenIssues room={room} />;
    case "who":
      return <WhoIsHere room={room} />;
    case "help":
      return <CommandHelp />;
    case "quit":
      leaveRoom();
      go("/sessions");
      return null;
  }
}
