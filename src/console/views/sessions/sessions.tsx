/** Sessions: all of them, or the room of one, or its replay. */
import "./sessions.css";
import { lazy } from "../../lazy.tsx";
import { route } from "../../route.ts";
import { RoomList } from "./room-list.tsx";
import { RoomOfAlert } from "./room-of-alert.tsx";
import { RoomView } from "./room-view.tsx";

const ReplayPage = lazy(async () => (await import("./replay/replay-view.tsx")).ReplayPage);

export function SessionsView() {
  const { rest, params } = route.value;
  const [id = "", part = ""] = rest;
  const alertId = params.get("alert") ?? "";
  if (part === "replay") return <ReplayPage key={id} id={id} />;
  if (id !== "") return <RoomView key={id} id={id} />;
  return alertId === "" ? <RoomList /> : <RoomOfAlert key={alertId} alertId={alertId} />;
}
