/** The live list of `watchpost devices`: a screen for people, lines for pipes, JSON for programs. */
import { create, toJson } from "@bufbuild/protobuf";
import pc from "picocolors";
import type { Connection } from "../client/connection.ts";
import { afterEvent, followDevices, type DeviceNews } from "../client/follow-devices.ts";
import { DeviceEventSchema, type Device, type DeviceEvent } from "../wire/gen/devices_pb.ts";
import { retryTeller } from "./client-flags.ts";
import { briefly, deviceTable, eventLine, statusCounts } from "./device-text.ts";
import { cut } from "./fit-text.ts";
import { openScreen, type ScreenSize } from "./live-screen.ts";
import { printable } from "./watch-table.ts";

const BEGINS_ANEW = "the server cannot tell what happened meanwhile: what stands now follows";
/** What needs somebody stands first. */
const ORDER = ["offline", "stale", "late", "never_seen", "online"];

type Filter = Parameters<typeof followDevices>[1];

/** Until `signal` aborts. */
export async function watchDevices(
  connection: Connection,
  filter: Filter,
  { server, json }: { readonly server: string; readonly json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const isScreen = !json && process.stdout.isTTY === true;
  const known = new Map<string, Device>();
  let hasAnswered = false;
  let trouble = "there is no answer yet";
  const draw = (size: ScreenSize) => {
    const isLive = hasAnswered && connection.isConnected;
    const state = `not connected${hasAnswered ? ", what is shown may be old" : ""}: ${trouble}`;
    return deviceScreen(hasAnswered ? [...known.values()] : undefined, server, isLive ? "" : state, size);
  };
  const tellRetry = retryTeller(server);
  const screen = isScreen ? openScreen(draw) : undefined;
  try {
    const options = {
      signal,
      onRetry: (retry: Parameters<typeof tellRetry>[0]) => {
        trouble = retry.error.message;
        if (!isScreen) tellRetry(retry);
      },
    };
    for await (const news of followDevices(connection, filter, options)) {
      if (hasAnswered && news.kind === "snapshot" && !isScreen) console.error(pc.yellow(BEGINS_ANEW));
      hasAnswered = true;
      if (isScreen) note(known, news);
      else
        process.stdout.write(
          eventsOf(news)
            .map(json ? jsonLine : plainLine)
            .join(""),
        );
    }
  } finally {
    screen?.close();
  }
}

function note(known: Map<string, Device>, news: DeviceNews): void {
  if (news.kind === "snapshot") {
    known.clear();
    for (const device of news.devices) known.set(device.deviceId, device);
    return;
  }
  const id = news.event.device?.deviceId ?? "";
  const device = afterEvent(known.get(id), news.event);
  if (device === undefined) known.delete(id);
  else known.set(id, device);
}

/** A snapshot as it comes over the wire: its devices, then the mark that ends it. */
function eventsOf(news: DeviceNews): DeviceEvent[] {
  if (news.kind === "change") return [news.event];
  const standing = news.devices.map((device) => create(DeviceEventSchema, { kind: "snapshot", device }));
  return [...standing, create(DeviceEventSchema, { kind: "snapshot_end", cursor: news.cursor })];
}

function jsonLine(event: DeviceEvent): string {
  return `${JSON.stringify(toJson(DeviceEventSchema, event))}\n`;
}

function plainLine(event: DeviceEvent): string {
  if (event.kind === "snapshot_end") return "";
  return event.kind === "snapshot" ? `${briefly(event.device!)}\n` : `${eventLine(event)}\n`;
}

/** Lines that fit. `devices`: undefined while they are not known; `trouble`: "" where there is none. */
export function deviceScreen(
  devices: readonly Device[] | undefined,
  server: string,
  trouble: string,
  { columns, rows }: ScreenSize,
): string {
  const byStatus: Record<string, number> = {};
  for (const { status } of devices ?? []) byStatus[status] = (byStatus[status] ?? 0) + 1;
  const counts = devices === undefined ? "" : `${devices.length} devices: ${statusCounts(byStatus)}`;
  const parts = [`${pc.bold("Watchpost")} ${server}`, counts, new Date().toLocaleTimeString(), pc.dim("Ctrl-C ends")];
  const title = parts.filter((part) => part !== "").join("  ");
  const head = [
    Bun.sliceAnsi(title, 0, columns, "…"),
    ...(trouble === "" ? [] : [pc.red(cut(printable(trouble), columns))]),
  ];
  const place = ({ status }: Device) => ORDER.indexOf(status);
  const sorted = [...(devices ?? [])].sort((a, b) => place(a) - place(b) || (a.deviceId < b.deviceId ? -1 : 1));
  const shown = sorted.slice(0, Math.max(1, rows - head.length - 3));
  const hidden = sorted.length - shown.length;
  const more = hidden > 0 ? [pc.dim(`… ${hidden.toLocaleString("en-US")} more`)] : [];
  return [...head, ...deviceTable(shown, Date.now(), columns, true), ...more].join("\n");
}
