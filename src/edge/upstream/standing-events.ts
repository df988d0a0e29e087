/** What stands at this node, as calls that tell the upstream: active alerts, and devices that were registered or are gone. */
import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Alerts, AlertState } from "../../wire/gen/alerts_pb.ts";
import { Devices } from "../../wire/gen/devices_pb.ts";
import { callOfAlert, callsOfDevice, type EventCall } from "./event-calls.ts";

type ListAlerts = typeof Alerts.method.listAlerts;
type ListDevices = typeof Devices.method.listDevices;

/** This node's own lists, page by page. */
export interface OwnLists {
  alerts(request: MessageInitShape<ListAlerts["input"]>): Promise<MessageShape<ListAlerts["output"]>>;
  devices(request: MessageInitShape<ListDevices["input"]>): Promise<MessageShape<ListDevices["output"]>>;
}

const PAGE = 500;

export async function* standingAlerts(lists: OwnLists, name: string): AsyncGenerator<EventCall[], void> {
  let page = "";
  do {
    const answer = await lists.alerts({ state: AlertState.ACTIVE, limit: PAGE, page });
    yield answer.alerts.map((alert) => callOfAlert(alert, name));
    page = answer.nextPage;
  } while (page !== "");
}

export async function* standingDevices(lists: OwnLists, name: string): AsyncGenerator<EventCall[], void> {
  let pageToken = "";
  do {
    const answer = await lists.devices({ pageSize: PAGE, pageToken });
    yield answer.devices.flatMap((device) => callsOfDevice(device, name));
    pageToken = answer.nextPageToken;
  } while (pageToken !== "");
}
