/** Sparkplug B payloads from and to bytes. */
import { create, fromBinary, isFieldSet, toBinary } from "@bufbuild/protobuf";
import { messageOf } from "../../model/errors.ts";
import { PayloadSchema, type Payload } from "../../wire/gen/sparkplug/sparkplug_b_pb.ts";
import { countMessages } from "../../wire/message-count.ts";
import { DATA_TYPE } from "./data-type.ts";
import { PAYLOAD_BYTES_MAX, PAYLOAD_ELEMENTS_MAX, TEMPLATE_DEPTH_MAX } from "./limits.ts";

/** A payload and its metrics, then two messages for each template in a template, and properties. */
const DEPTH_MAX = 2 * TEMPLATE_DEPTH_MAX + 3;

/** Throws a sentence that says what is wrong. Text that is not UTF-8 is taken with U+FFFD: it costs no readings. */
export function decodePayload(bytes: Uint8Array): Payload {
  if (bytes.length > PAYLOAD_BYTES_MAX) {
    throw new Error(`the payload has ${bytes.length} bytes; wanted at most ${PAYLOAD_BYTES_MAX}`);
  }
  try {
    // Before anything is made of it: two bytes on the wire are an object of hundreds.
    const elements = countMessages(PayloadSchema, bytes, PAYLOAD_ELEMENTS_MAX + 1, DEPTH_MAX) - 1;
    if (elements > PAYLOAD_ELEMENTS_MAX) {
      throw new Error(`it has more than ${PAYLOAD_ELEMENTS_MAX} metrics, members and properties`);
    }
    return fromBinary(PayloadSchema, bytes, { readUnknownFields: false, recursionLimit: DEPTH_MAX });
  } catch (error) {
    throw new Error(`the payload is no Sparkplug B payload: ${messageOf(error)}`);
  }
}

/** The sequence number of a payload; undefined where it has none. */
export function sequenceOf(payload: Payload): number | undefined {
  if (!isFieldSet(payload, PayloadSchema.field.seq)) return undefined;
  return Number(BigInt.asUintN(8, payload.seq));
}

/** The payload of an NCMD that asks an edge node for its births. */
export function rebirthCommand(nowMs: number): Uint8Array {
  const timestamp = BigInt(Math.trunc(nowMs));
  return toBinary(
    PayloadSchema,
    create(PayloadSchema, {
      timestamp,
      metrics: [
        {
          name: REBIRTH_METRIC,
          timestamp,
          datatype: DATA_TYPE.boolean,
          value: { case: "booleanValue", value: true },
        },
      ],
    }),
  );
}

export const REBIRTH_METRIC = "Node Control/Rebirth";
export const BDSEQ_METRIC = "bdSeq";
