/** Where a change leads to. Pure. */
import type { Change } from "../../wire/gen/server_pb.ts";

/** Parts of a path; `params`: what is looked at there. Undefined: it is no more, or nowhere. */
export interface Place {
  readonly parts: readonly string[];
  readonly params?: Readonly<Record<string, string>>;
}

export function placeOf({ kind, event, subject, device, metric }: Change): Place | undefined {
  const isGone = event === "deleted" || event === "removed";
  switch (kind) {
    case "alert":
      return { parts: ["alerts", subject] };
    case "device":
      return isGone ? undefined : { parts: ["devices", subject] };
    case "rule":
      return isGone ? undefined : { parts: ["alerts", "rules", subject] };
    case "silence":
      return { parts: ["alerts", "silences"] };
    case "session":
      return { parts: ["sessions", subject] };
    case "issue":
      return { parts: ["issues", subject] };
    case "dashboard":
      return isGone ? undefined : { parts: ["dashboards", subject] };
    case "annotation": {
      if (metric !== "") return { parts: ["explore"], params: { metric, ...(device !== "" && { device }) } };
      return device === "" ? undefined : { parts: ["devices", device] };
    }
    default:
      return undefined;
  }
}
