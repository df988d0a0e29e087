/** What the journal's entries about devices say to people. */
import type { Scope } from "../model/access.ts";
import type { TellChange } from "../model/told-change.ts";
import { toldOfEntry } from "./device-documents.ts";

/** Told where a device is, and was. */
export function tellDevice(seesThen: (scope: Scope, id: string, site: string) => boolean): TellChange {
  return (entry) => {
    const { event, id } = toldOfEntry(entry);
    const { kind, device, before: old, changed, previousStatus } = event;
    const { name, status, statusReason } = device!;
    const called = name === "" ? id : `${name} (${id})`;
    const words = (text: string) => text.replace("_", " ");
    const { site } = kind === "deleted" && old !== undefined ? old : device!;
    const told = { event: kind, subject: id, device: id, isSeen: (scope: Scope) => seesThen(scope, id, site) };
    switch (kind) {
      case "status": {
        const why = statusReason === "" ? "" : `: ${statusReason}`;
        const before = previousStatus === "" || previousStatus === "never_seen" ? "" : `, was ${words(previousStatus)}`;
        return { ...told, status, text: `${called} is ${words(status)}${before}${why}` };
      }
      case "registered":
        return {
          ...told,
          text: entry.actor === "system" ? `${called} was found in the data` : `${called} was registered`,
        };
      case "deleted":
        return { ...told, text: `${called} was removed` };
      default:
        return { ...told, text: `${called} was changed${changed.length === 0 ? "" : `: ${changed.join(", ")}`}` };
    }
  };
}
