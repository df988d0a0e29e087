import { ConnectError } from "@connectrpc/connect";
import { useState } from "preact/hooks";
import { Collaboration, SessionState } from "../../../wire/gen/collaboration_pb.ts";
import { ExportFormat } from "../../../wire/gen/replay_pb.ts";
import { collaborationApi } from "../../api.ts";
import { exportSession } from "../../data/session-export.ts";
import type { Room } from "../../data/room.ts";
import { fileName } from "../../parts/file-name.ts";
import { Menu } from "../../parts/menu.tsx";
import { saveFile } from "../../parts/save-file.ts";
import { go } from "../../route.ts";
import { isJustMade } from "../../data/session-keys.ts";
import { changeKey, LinkDialog } from "./encryption.tsx";
import { RoomForm, type RoomWritten } from "./room-form.tsx";
import { may } from "../../who.ts";

const { method } = Collaboration;

/** Close, open again, take along. */
export function RoomActions({ room }: { room: Room }) {
  const [busy, setBusy] = useState("");
  const [failure, setFailure] = useState("");
  const [isEdited, setEdited] = useState(false);
  const [isLinkShown, setLinkShown] = useState(() => isJustMade(room.id));
  const { id: sessionId, userId } = room;
  const { state, title = "" } = room.session.value ?? {};
  const run = async (what: string, action: () => Promise<unknown>) => {
    setBusy(what);
    setFailure("");
    try {
      await action();
    } catch (error) {
      setFailure(ConnectError.from(error).rawMessage);
    }
    setBusy("");
  };
  const change = async (action: () => Promise<unknown>) => {
    await action();
    await room.refresh();
  };
  const close = () => change(() => collaborationApi.closeSession({ sessionId, userId }));
  const reopen = () => change(() => collaborationApi.reopenSession({ sessionId, userId }));
  const save = async (format: ExportFormat) => {
    const name = fileName(title || sessionId, "session");
    saveFile(`${name}.${format === ExportFormat.MARKDOWN ? "md" : "wps"}`, await exportSession(sessionId, format));
  };
  const edit = async ({ isEncrypted: _, ...written }: RoomWritten) => {
    await collaborationApi.updateSession({ sessionId, userId, ...written });
    await room.refresh();
  };
  const rekey = async () => {
    if (await changeKey(room)) setLinkShown(true);
  };
  const items = [
    ...(room.cipher.value?.kind === "open"
      ? [
          { label: "Link with the key…", choose: () => setLinkShown(true) },
          ...(state === SessionState.OPEN && may(method.rekeySession)
            ? [{ label: "Change the key…", choose: () => run("changing the key", rekey) }]
            : []),
        ]
      : []),
    ...(may(method.createIssue)
      ? [{ label: "New issue…", choose: () => go(`/issues?new=&session=${encodeURIComponent(sessionId)}`) }]
      : []),
    { label: "Report (Markdown)", choose: () => run("report", () => save(ExportFormat.MARKDOWN)) },
    {
      ...{ label: "File", title: "Everything, to be imported and replayed elsewhere" },
      choose: () => run("file", () => save(ExportFormat.FILE)),
    },
    ...(state === SessionState.OPEN && may(method.updateSession)
      ? [{ label: "Title and topic…", choose: () => setEdited(true) }]
      : []),
    ...(state === SessionState.OPEN && may(method.closeSession)
      ? [{ label: "Close it", choose: () => run("closing", close) }]
      : []),
    ...(state === SessionState.CLOSED && may(method.reopenSession)
      ? [{ label: "Open it again", choose: () => run("opening", reopen) }]
      : []),
  ];
  return (
    <>
      {isEdited && (
        <RoomForm
          {...{ heading: "What it is about", action: "Save", title, topic: room.session.value?.topic, onSave: edit }}
          onClose={() => setEdited(false)}
        />
      )}
      {isLinkShown && room.cipher.value?.kind === "open" && (
        <LinkDialog room={room} onClose={() => setLinkShown(false)} />
      )}
      <Menu label="More" items={items.map((item) => ({ ...item, isDisabled: busy !== "" }))} />
      <span role="status" class="dim">
        {busy !== "" && `${busy}…`}
      </span>
      {failure !== "" && <span role="alert">{failure}</span>}
    </>
  );
}
