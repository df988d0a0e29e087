/** Values of Sparkplug metrics as numbers, by the data types of the specification (chapter 6). */
import type { Payload_Metric } from "../../wire/gen/sparkplug/sparkplug_b_pb.ts";

export const DATA_TYPE = {
  unknown: 0,
  int8: 1,
  int16: 2,
  int32: 3,
  int64: 4,
  uint8: 5,
  uint16: 6,
  uint32: 7,
  uint64: 8,
  float: 9,
  double: 10,
  boolean: 11,
  string: 12,
  dateTime: 13,
  text: 14,
  template: 19,
} as const;

/** Bits and sign of the types that travel as unsigned integers. */
const INTEGERS = new Map<number, { readonly bits: number; readonly isSigned: boolean }>([
  [DATA_TYPE.int8, { bits: 8, isSigned: true }],
  [DATA_TYPE.int16, { bits: 16, isSigned: true }],
  [DATA_TYPE.int32, { bits: 32, isSigned: true }],
  [DATA_TYPE.int64, { bits: 64, isSigned: true }],
  [DATA_TYPE.uint8, { bits: 8, isSigned: false }],
  [DATA_TYPE.uint16, { bits: 16, isSigned: false }],
  [DATA_TYPE.uint32, { bits: 32, isSigned: false }],
  [DATA_TYPE.uint64, { bits: 64, isSigned: false }],
  [DATA_TYPE.dateTime, { bits: 64, isSigned: false }],
]);
const FRACTIONS: ReadonlySet<number> = new Set([DATA_TYPE.float, DATA_TYPE.double]);

export type NotNumber = "not a number" | "not finite" | "wrong type" | "unknown type";
export type MetricValue = Payload_Metric["value"];

export function isNumeric(dataType: number): boolean {
  return INTEGERS.has(dataType) || FRACTIONS.has(dataType) || dataType === DATA_TYPE.boolean;
}

/**
 * The number that a value is, or why it is none. Booleans are 0 and 1, a DateTime is Unix milliseconds, 64-bit integers past 2^53 are
 * rounded. "wrong type": the value is not what its type travels as, so one of the two is another metric's. "unknown type": an integer
 * whose sign cannot be told; other values tell their type themselves.
 */
export function numberOf(value: MetricValue, dataType: number): number | NotNumber {
  const integer = INTEGERS.get(dataType);
  const isUntyped = dataType === DATA_TYPE.unknown;
  if (!isUntyped && !isNumeric(dataType)) return "not a number";
  switch (value.case) {
    case "intValue":
      if (dataType === DATA_TYPE.boolean && value.value <= 1) return value.value;
      if (integer !== undefined) return sized(BigInt(value.value), integer.bits, integer.isSigned, 32);
      return isUntyped ? "unknown type" : "wrong type";
    case "longValue":
      if (integer !== undefined) return sized(value.value, integer.bits, integer.isSigned, 64);
      return isUntyped ? "unknown type" : "wrong type";
    case "floatValue":
      if (!isUntyped && !FRACTIONS.has(dataType)) return "wrong type";
      return Number.isFinite(value.value) ? shortestOf(value.value) : "not finite";
    case "doubleValue":
      if (!isUntyped && !FRACTIONS.has(dataType)) return "wrong type";
      return Number.isFinite(value.value) ? value.value : "not finite";
    case "booleanValue":
      if (!isUntyped && dataType !== DATA_TYPE.boolean) return "wrong type";
      return value.value ? 1 : 0;
    case undefined:
      return isUntyped ? "not a number" : "wrong type";
    default:
      return isUntyped ? "not a number" : "wrong type";
  }
}

/** Encoders differ in whether they extend the sign of a small type to 32 or 64 bits, so only the type's own bits are looked at. */
function sized(raw: bigint, bits: number, isSigned: boolean, travelledBits: number): number {
  // A 64-bit type in the 32-bit field: its sign was that of 32 bits.
  const known = Math.min(bits, travelledBits);
  return Number(isSigned ? BigInt.asIntN(known, raw) : BigInt.asUintN(known, raw));
}

/** The shortest decimal that is the same 32-bit number: 21.1, not 21.100000381469727, as whoever sent it wrote it. */
function shortestOf(float: number): number {
  if (Number.isInteger(float)) return float;
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(float.toPrecision(digits));
    if (Math.fround(shorter) === float) return shorter;
  }
  return float;
}
