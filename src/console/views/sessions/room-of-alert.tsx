import { ConnectError } from "@connectrpc/connect";
import { useEffect, useState } from "preact/hooks";
import { GUEST } from "../../data/presence.ts";
import { roomOfAlert } from "../../data/rooms.ts";
import { Empty } from "../../parts/empty.tsx";
import { goInstead, pathTo } from "../../route.ts";
import { user } from "../../user.ts";

/** Leads to the session about an alert. */
export function RoomOfAlert({ alertId }: { alertId: string }) {
  const [failure, setFailure] = useState("");
  const open = () => {
    setFailure("");
    roomOfAlert(alertId, user.peek() || GUEST).then(
      (id) => goInstead(pathTo("sessions", id)),
      (error: unknown) => setFailure(ConnectError.from(error).rawMessage),
    );
  };
  useEffect(open, [alertId]);
  if (failure === "") return <p role="status">Opening the session about this alert…</p>;
  return (
    <Empty title="The session about this alert could not be opened">
      <span role="alert">{failure}</span> <button onClick={open}>Try again</button> <a href="/sessions">All sessions</a>
    </Empty>
  );
}
