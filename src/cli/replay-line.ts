/** What is heard in a replay, as text: a line for each message, change of an alert and point. */
import type { ReplayEvent } from "../wire/gen/collaboration_pb.ts";
import type { ReplayPoints } from "../wire/gen/replay_pb.ts";
import { alertLine } from "./alert-line.ts";
import { plainLine } from "./session-line.ts";
import { formatValue, printable } from "./watch-table.ts";

/** "" for marks. Points have their own time, to the millisecond. */
export function replayLines({ event }: ReplayEvent): string {
  switch (event.case) {
    case "message":
      return plainLine(event.value);
    case "alert":
      return event.value.alert === undefined ? "" : `${alertLine(event.value.alert)}\n`;
    case "points":
      return pointLines(event.value);
    default:
      return "";
  }
}

function pointLines({ series }: ReplayPoints): string {
  const rows = series.flatMap(({ metric, source, device, timesMs, values }) =>
    timesMs.map((timeMs, i) => ({ metric, device: device || source, timeMs, value: values[i] })),
  );
  const lines = rows
    .sort((a, b) => a.timeMs - b.timeMs)
    .map(({ metric, device, timeMs, value }) => {
      const at = new Date(Math.floor(timeMs)).toISOString();
      return `${at}  ${printable(device)}  ${printable(metric)}  ${formatValue(value)}\n`;
    });
  return lines.join("");
}
