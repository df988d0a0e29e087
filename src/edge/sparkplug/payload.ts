/** Sparkplug B payloads from and to bytes. */
import { create, fromBinary, isFieldSet, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { messageOf } from "../../model/errors.ts";
import { PayloadSchema, type Payload } from "../../wire/gen/sparkplug/sparkplug_b_pb.ts";
import { DATA_TYPE } from "./data-type.ts";
import { PAYLOAD_BYTES_MAX, PAYLOAD_ELEMENTS_MAX, TEMPLATE_DEPTH_MAX } from "./limits.ts";

/** Fields in which elements lie, and what lies in them. */
interface Elements {
  readonly fields: ReadonlyMap<number, Elements | null>;
}

const metric: { fields: Map<number, Elements | null> } = { fields: new Map() };
const template: Elements = { fields: new Map([[2, metric]]) };
const properties: Elements = {
  fields: new Map([
    [1, null],
    [2, null],
  ]),
};
metric.fields.set(9, properties).set(18, template);
const payload: Elements = { fields: new Map([[2, metric]]) };

/** A payload and its metrics, then two messages for each template in a template, and properties. */
const DEPTH_MAX = 2 * TEMPLATE_DEPTH_MAX + 3;

/** Throws a sentence that says what is wrong. Text that is not UTF-8 is taken with U+FFFD: it costs no readings. */
export function decodePayload(bytes: Uint8Array): Payload {
  if (bytes.length > PAYLOAD_BYTES_MAX) {
    throw new Error(`the payload has ${bytes.length} bytes; wanted at most ${PAYLOAD_BYTES_MAX}`);
  }
  try {
    const elements = countElements(bytes, payload, 0, 1);
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

/** Counts before anything is made of it: two bytes on the wire are an object of hundreds. Stops once there are too many. */
function countElements(bytes: Uint8Array, { fields }: Elements, counted: number, depth: number): number {
  if (depth > DEPTH_MAX) throw new Error(`templates in it are more than ${TEMPLATE_DEPTH_MAX} deep`);
  const reader = new BinaryReader(bytes);
  let count = counted;
  while (reader.pos < reader.len && count <= PAYLOAD_ELEMENTS_MAX) {
    const [field, wireType] = reader.tag();
    const inner = wireType === WireType.LengthDelimited ? fields.get(field) : undefined;
    if (inner === undefined) {
      reader.skip(wireType, field);
      continue;
    }
    // A template or a set of properties is counted by what is in it.
    count++;
    const content = reader.bytes();
    if (inner !== null) count = countElements(content, inner, count, depth + 1);
  }
  return count;
}
