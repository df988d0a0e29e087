import { AlertChange, AlertState, type Alert } from "../wire/gen/alerts_pb.ts";
import { clearedWords } from "./alert-table.ts";
import { acknowledgerOf, changeWord, deviceOf, oneLine, secondOf, shortIds, titleOf } from "./alert-text.ts";
import { printable } from "./watch-table.ts";

const CHANGE_WIDTH = 12;
const SEVERITY_WIDTH = 8;

/** A change of an alert in one line: when, which, how grave, what happened, where, what it is about, and who or why. */
export function alertLine(alert: Alert): string {
  const { id, severity, change, removed, state, updatedAt, createdAt } = alert;
  const parts = [
    secondOf(change === AlertChange.SNAPSHOT ? createdAt : updatedAt),
    printable(shortIds([id]).get(id)!),
    printable(severity).padEnd(SEVERITY_WIDTH),
    changeWord(change).padEnd(CHANGE_WIDTH),
    deviceOf(alert),
    titleOf(alert),
    moreOf(alert),
    // It goes on, and is no longer what was asked for.
    removed && state !== AlertState.CLEARED ? leftWords(change) : "",
  ];
  return parts.filter((part) => part !== "").join("  ");
}

function leftWords(change: AlertChange): string {
  return change === AlertChange.MOVED ? "(out of your scope)" : "(left the list)";
}

function moreOf(alert: Alert): string {
  switch (alert.change) {
    case AlertChange.CLEARED:
    case AlertChange.LATE:
      return clearedWords(alert);
    case AlertChange.ACKNOWLEDGED:
      return `by ${acknowledgerOf(alert)}`;
    case AlertChange.ASSIGNED:
      return alert.assignee === "" ? "to nobody" : `to ${printable(alert.assignee)}`;
    case AlertChange.COMMENTED: {
      const said = alert.comments.at(-1);
      return said === undefined ? "" : `${printable(said.userId)}: ${oneLine(said.text)}`;
    }
    default:
      return "";
  }
}
