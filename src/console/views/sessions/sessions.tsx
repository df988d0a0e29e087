/** Sessions: all of them, or the room of one, or its replay. */
import "./sessions.css";
import { route } from "../../route.ts";
import { RoomList } from "./room-list.tsx";
import { RoomOfAlert } from "./room-of-alert.tsx";
import { RoomView } from "./room-view.tsx";

export function SessionsView() {
  const { rest, params } = route.value;
  const [id = ""] = rest;
  const alertId = params.get("alert") ?? "";
  if (id !== "") return <RoomView key={id} id={id} />;
  return alertId === "" ? <RoomList /> : <RoomOfAlert key={alertId} alertId={alertId} />;
}
