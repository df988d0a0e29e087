/** How much an encoded message holds, before anything is made of it: two bytes may ask for an object of hundreds. Pure. */
import { ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/**
 * Messages within `bytes`, itself and entries of maps included; counts no further than one past `max`. Throws where a field
 * has not the wire type of its definition, or ends elsewhere than it says: decoders go by field numbers, and would find other
 * messages behind it; where messages are more than `depthMax` deep, and where there is a group.
 */
export function countMessages(schema: DescMessage, bytes: Uint8Array, max: number, depthMax: number): number {
  return counted(schema, bytes, depthMax, ({ messages }) => messages > max).messages;
}

/** The same of fields, those of messages within, unknown ones and numbers of packed lists included: never fewer than there are. */
export function countFields(schema: DescMessage, bytes: Uint8Array, max: number, depthMax: number): number {
  return Math.min(counted(schema, bytes, depthMax, ({ fields }) => fields > max).fields, max + 1);
}

interface Counts {
  messages: number;
  fields: number;
}

/** A field, as it is on the wire. */
interface Part {
  readonly field: DescField;
  /** Of one value. */
  readonly wireType: WireType;
  readonly isNumberList: boolean;
  /** What is within. */
  readonly parts?: () => Parts;
}

type Parts = ReadonlyMap<number, Part>;

function counted(
  schema: DescMessage,
  bytes: Uint8Array,
  depthMax: number,
  isEnough: (counts: Counts) => boolean,
): Counts {
  const reader = new BinaryReader(bytes);
  const counts = { messages: 0, fields: 0 };
  const countWithin = (parts: Parts, name: { toString(): string }, end: number, depth: number): void => {
    if (depth > depthMax) throw new Error(`messages are more than ${depthMax} deep`);
    counts.messages++;
    while (reader.pos < end && !isEnough(counts)) {
      const [number, wireType] = reader.tag();
      counts.fields++;
      const part = parts.get(number);
      if (wireType === WireType.StartGroup) throw new Error(`field ${number} is a group; wanted none`);
      if (part === undefined) reader.skip(wireType, number);
      else if (wireType === WireType.LengthDelimited && part.parts !== undefined) {
        const length = reader.uint32();
        countWithin(part.parts(), part.field, reader.pos + length, depth + 1);
      } else if (wireType === WireType.LengthDelimited && part.isNumberList) {
        const length = reader.uint32();
        reader.pos += length;
        counts.fields += length / bytesOf(part.wireType);
        if (!endsWhole(part, bytes, reader.pos, length)) throw new Error(`${part.field} ends within a number`);
      } else if (wireType === part.wireType) reader.skip(wireType, number);
      else throw new Error(`${part.field} has wire type ${wireType}`);
    }
    if (!isEnough(counts) && reader.pos !== end) throw new Error(`${name.toString()} ends elsewhere than it says`);
  };
  countWithin(partsOf(schema), schema, reader.len, 1);
  return counts;
}

const known = new WeakMap<DescMessage, Parts>();

function partsOf(message: DescMessage): Parts {
  let parts = known.get(message);
  if (parts === undefined) {
    parts = new Map(message.fields.map((field) => [field.number, partOf(field)]));
    known.set(message, parts);
  }
  return parts;
}

function partOf(field: DescField): Part {
  if (field.fieldKind === "map") {
    const key = { field, wireType: wireTypeOf(field.mapKey), isNumberList: false };
    const entry = new Map([
      [1, key],
      [2, valueOf(field)],
    ]);
    return { field, wireType: WireType.LengthDelimited, isNumberList: false, parts: () => entry };
  }
  const value = valueOf(field);
  return { ...value, isNumberList: field.fieldKind === "list" && value.wireType !== WireType.LengthDelimited };
}

function valueOf(field: DescField): Part {
  const { message } = field;
  if (message !== undefined) {
    return { field, wireType: WireType.LengthDelimited, isNumberList: false, parts: () => partsOf(message) };
  }
  return {
    field,
    wireType: field.enum === undefined ? wireTypeOf(field.scalar!) : WireType.Varint,
    isNumberList: false,
  };
}

function wireTypeOf(scalar: ScalarType): WireType {
  switch (scalar) {
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

/** At least. */
function bytesOf(wireType: WireType): number {
  if (wireType === WireType.Varint) return 1;
  return wireType === WireType.Bit64 ? 8 : 4;
}

/** Whether `length` bytes up to `end` are whole numbers. */
function endsWhole({ wireType }: Part, bytes: Uint8Array, end: number, length: number): boolean {
  if (end > bytes.length) return false;
  if (wireType === WireType.Varint) return length === 0 || bytes[end - 1] < 0x80;
  return length % bytesOf(wireType) === 0;
}
