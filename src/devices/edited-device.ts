/** Edits of a device that somebody else has changed meanwhile. */
import { create, toBinary } from "@bufbuild/protobuf";
import { invalidField, WatchpostError } from "../model/errors.ts";
import { packed } from "../wire/status.ts";
import { DeviceSchema } from "../wire/gen/devices_pb.ts";
import type { DeviceRecord } from "./device-book.ts";
import { factsOf } from "./device-documents.ts";

/** Clients take 8 KiB of trailers or more, which are base64. */
const DETAIL_BYTES_MAX = 4 * 1024;

/**
 * Throws ABORTED where there is a later revision than `edited`, with the device as it is in the details: where it is long only
 * what it is called and where it belongs. 0: whichever there is was edited.
 */
export function refuseOtherRevision({ id, stored }: DeviceRecord, edited: bigint): void {
  const revision = stored?.revision ?? 0n;
  if (edited === 0n || edited === revision) return;
  if (edited < 0n || edited > revision) {
    throw invalidField("revision", edited, `${revision}, which device ${JSON.stringify(id)} is at, or 0`);
  }
  const message = `device ${JSON.stringify(id)} is at revision ${revision}, and revision ${edited} was edited; wanted an edit of revision ${revision}`;
  const isShort = toBinary(DeviceSchema, stored!).length <= DETAIL_BYTES_MAX;
  const told = isShort ? stored! : create(DeviceSchema, { ...factsOf(stored!), tags: {}, revision });
  throw new WatchpostError("ABORTED", message, { messages: [packed(DeviceSchema, told)] });
}
