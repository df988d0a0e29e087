/** How many messages an encoded one holds, before anything is made of it: two bytes may ask for an object of hundreds. Pure. */
import { ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/**
 * Messages within `bytes`, itself included; counts no further than one past `max`. Throws where a field has not the wire type
 * of its definition, or ends elsewhere than it says: decoders go by field numbers, and would find other messages behind it;
 * and where messages are more than `depthMax` deep. For messages without maps and groups.
 */
export function countMessages(schema: DescMessage, bytes: Uint8Array, max: number, depthMax: number): number {
  const reader = new BinaryReader(bytes);
  let count = 0;
  const countWithin = (message: DescMessage, end: number, depth: number): void => {
    if (depth > depthMax) throw new Error(`messages are more than ${depthMax} deep`);
    count++;
    const fields = fieldsOf(message);
    while (reader.pos < end && count <= max) {
      const [number, wireType] = reader.tag();
      const field = fields.get(number);
      if (field === undefined) reader.skip(wireType, number);
      else if (wireType === WireType.LengthDelimited && field.message !== undefined) {
        const length = reader.uint32();
        countWithin(field.message, reader.pos + length, depth + 1);
      } else if (wireType === WireType.LengthDelimited && isNumberList(field)) {
        const length = reader.uint32();
        reader.pos += length;
        if (!endsWhole(field, bytes, reader.pos, length)) throw new Error(`${field} ends within a number`);
      } else if (wireType === wireTypeOf(field)) reader.skip(wireType, number);
      else throw new Error(`${field} has wire type ${wireType}`);
    }
    if (count <= max && reader.pos !== end) throw new Error(`${message} ends elsewhere than it says`);
  };
  countWithin(schema, reader.len, 1);
  return count;
}

const known = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>();

function fieldsOf(message: DescMessage): ReadonlyMap<number, DescField> {
  let fields = known.get(message);
  if (fields === undefined) {
    fields = new Map(message.fields.map((field) => [field.number, field]));
    known.set(message, fields);
  }
  return fields;
}

function isNumberList(field: DescField): boolean {
  return field.fieldKind === "list" && wireTypeOf(field) !== WireType.LengthDelimited;
}

/** Of one value. */
function wireTypeOf(field: DescField): WireType {
  switch (field.scalar) {
    case undefined:
      return field.enum === undefined ? WireType.LengthDelimited : WireType.Varint;
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
}

/** Whether `length` bytes up to `end` are whole numbers. */
function endsWhole(field: DescField, bytes: Uint8Array, end: number, length: number): boolean {
  if (end > bytes.length) return false;
  const wireType = wireTypeOf(field);
  if (wireType === WireType.Varint) return length === 0 || bytes[end - 1] < 0x80;
  return length % (wireType === WireType.Bit64 ? 8 : 4) === 0;
}
