/** Devices as they change, also over restarts of the server: a new stream goes on behind the last change that was taken. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Devices, WatchDevicesRequestSchema, type Device, type DeviceEvent } from "../wire/gen/devices_pb.ts";
import type { CallOptions, Connection } from "./connection.ts";
import { resumedStream } from "./resumed-stream.ts";

export type DeviceNews =
  /** All that stands, in place of what was known before, by id. */
  | { readonly kind: "snapshot"; readonly devices: readonly Device[]; readonly cursor: string }
  | { readonly kind: "change"; readonly event: DeviceEvent };

/**
 * A snapshot, then every change, each once and in order, until `signal` aborts. With a cursor it begins behind that, without a
 * snapshot. Where the server can no longer go on behind the last change a further snapshot comes. A change counts as taken when
 * the next one is asked for. Throws what cannot be retried.
 */
export function followDevices(
  connection: Connection,
  wanted: MessageInitShape<typeof WatchDevicesRequestSchema>,
  options: CallOptions = {},
): AsyncGenerator<DeviceNews, void> {
  // A copy: how far it has come is nobody else's.
  const request = create(WatchDevicesRequestSchema, { ...wanted });
  const read = async function* (events: AsyncIterable<DeviceEvent>): AsyncGenerator<DeviceNews> {
    let standing: Device[] = [];
    for await (const event of events) {
      if (event.kind === "snapshot") {
        standing.push(event.device!);
        continue;
      }
      if (event.kind === "snapshot_end") yield { kind: "snapshot", devices: standing, cursor: event.cursor };
      else yield { kind: "change", event };
      standing = [];
      request.cursor = event.cursor;
    }
  };
  return resumedStream(connection, Devices.method.watchDevices, request, read, options);
}

/** What is known of a device after an event of it; undefined where it is not one of those that are followed any more. */
export function afterEvent(known: Device | undefined, { kind, device }: DeviceEvent): Device | undefined {
  if (device === undefined || kind === "deleted" || kind === "left") return undefined;
  if (kind !== "status") return { ...known, ...device };
  const { status, statusReason, isFlapping, statusSince } = device;
  return { ...(known ?? device), status, statusReason, isFlapping, ...(statusSince && { statusSince }) };
}
