/** Devices: lists of them, one with what happened to it, and what people do about them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Devices,
  type Device,
  type DeleteDeviceRequestSchema,
  type DeviceResponse,
  type GetDeviceResponse,
  type ImportDevicesRequestSchema,
  type ImportDevicesResponse,
  type ListDevicesResponse,
  type RegisterDeviceRequestSchema,
  type ReportDeviceRequestSchema,
  type UpdateDeviceRequestSchema,
} from "../wire/gen/devices_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

/** What is not given is not asked for. */
export interface DevicesWanted {
  readonly statuses?: string[];
  readonly sites?: string[];
  readonly types?: string[];
  readonly parents?: string[];
  readonly tags?: Record<string, string>;
  readonly search?: string;
  readonly orderBy?: string;
}

const PAGE_MAX = 1_000;
const { method } = Devices;

/** Page after page: all of them, or the first `limitMax`. Each page tells how many there are. */
export async function* devicePages(
  connection: Connection,
  wanted: DevicesWanted,
  { limitMax = Infinity, ...options }: AskOptions & { readonly limitMax?: number } = {},
): AsyncGenerator<ListDevicesResponse, void> {
  let left = limitMax;
  for (let pageToken = ""; left > 0;) {
    const request = { ...wanted, pageToken, pageSize: Math.min(left, PAGE_MAX) };
    const page = await ask(connection, method.listDevices, request, options);
    yield page;
    if (page.nextPageToken === "") return;
    left -= page.devices.length;
    pageToken = page.nextPageToken;
  }
}

/** With its latest events, at most 100. Throws the server's status, as all of these do; NOT_FOUND where there is none. */
export async function getDevice(
  connection: Connection,
  deviceId: string,
  { events = 0, ...options }: AskOptions & { readonly events?: number } = {},
): Promise<GetDeviceResponse> {
  return ask(connection, method.getDevice, { deviceId, events }, options);
}

/** Resolves with the device as it is then, once that is durable. */
export async function registerDevice(
  connection: Connection,
  request: MessageInitShape<typeof RegisterDeviceRequestSchema>,
  options: AskOptions = {},
): Promise<Device> {
  return (await ask(connection, method.registerDevice, request, options)).device!;
}

/**
 * The same of a change. Throws ABORTED where another revision than the one of the request is there: `unpacked(error,
 * DeviceSchema)` of wire/status.ts is that one.
 */
export async function updateDevice(
  connection: Connection,
  request: MessageInitShape<typeof UpdateDeviceRequestSchema>,
  options: AskOptions = {},
): Promise<Device> {
  return (await ask(connection, method.updateDevice, request, options)).device!;
}

export async function deleteDevice(
  connection: Connection,
  request: MessageInitShape<typeof DeleteDeviceRequestSchema>,
  options: AskOptions = {},
): Promise<void> {
  await ask(connection, method.deleteDevice, request, options);
}

/** All or nothing: where there are problems nothing is changed. */
export async function importDevices(
  connection: Connection,
  request: MessageInitShape<typeof ImportDevicesRequestSchema>,
  options: AskOptions = {},
): Promise<ImportDevicesResponse> {
  return ask(connection, method.importDevices, request, options);
}

/** `ignored` says why it changes nothing, "" where it counts. */
export async function reportDevice(
  connection: Connection,
  request: MessageInitShape<typeof ReportDeviceRequestSchema>,
  options: AskOptions = {},
): Promise<DeviceResponse> {
  return ask(connection, method.reportDevice, request, options);
}
