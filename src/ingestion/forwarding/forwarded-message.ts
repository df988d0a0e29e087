/** A message of a node that forwards. It is bounded before anything is made of it: two bytes may ask for an object of hundreds. */
import { fromBinary, ScalarType, type DescField } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { FOREIGN_ROWS_MAX } from "../../codec/foreign-block.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { SequenceRange } from "../../model/sequence-ranges.ts";
import { ForwardedSchema, type Forwarded } from "../../wire/gen/forwarding_pb.ts";
import { BEHIND_MAX } from "./hello.ts";

export interface ForwardedMessage {
  /** Without its series. */
  readonly forwarded: Forwarded;
  /** Encoded, at most one for each row of a block: they are many, and are read a few at a time. */
  readonly series: readonly Uint8Array[];
  readonly bytes: number;
}

interface FieldBounds {
  /** How often it may come; of those that are said once the last counts. */
  readonly times: number;
  readonly bytes: number;
}

const [BATCH_POINTS, BATCH_FORWARDED] = [1, 4];
const SERIES = 8;
const OTHER: FieldBounds = { times: 100, bytes: 4_096 };
const BOUNDS: Readonly<Record<number, FieldBounds>> = {
  5: { times: BEHIND_MAX, bytes: 256 },
  // Names and 32 tags as long as they may be, with room.
  [SERIES]: { times: FOREIGN_ROWS_MAX, bytes: 32 * 1024 },
  9: { times: 1, bytes: Infinity },
  10: { times: 1, bytes: Infinity },
  11: { times: 10_000, bytes: 4_096 },
  14: { times: 1_000, bytes: 256 },
};
/** Of a later version, for which there is no bound yet. */
const UNKNOWN_MAX = 1_000;

/** Made at the first message: a server that starts reads no descriptors. */
let fields: ReadonlyMap<number, DescField> | undefined;

/** Throws INVALID_ARGUMENT for what is none, for points beside it, and for what is more or longer than a node sends. */
export function readForwarded(message: Uint8Array): ForwardedMessage {
  try {
    const { rest, series } = partsOf(forwardedIn(message));
    const forwarded = fromBinary(ForwardedSchema, rest, { readUnknownFields: false });
    return { forwarded, series, bytes: message.byteLength };
  } catch (error) {
    if (error instanceof WatchpostError) throw error;
    throw refused(`the message is no BatchData: ${messageOf(error)}`);
  }
}

const NOTHING = new Uint8Array();

/** Its range and names alone. */
export function withoutContent({ forwarded, ...message }: ForwardedMessage): ForwardedMessage {
  return { ...message, forwarded: { ...forwarded, blockIndex: NOTHING, dropped: [] } };
}

/** Throws INVALID_ARGUMENT where there are none. */
export function sequencesOf({ sequences }: Forwarded): SequenceRange {
  const [from, to] = [Number(sequences?.from ?? 0n), Number(sequences?.to ?? 0n)];
  if (sequences !== undefined && from >= 0 && from < to && to <= Number.MAX_SAFE_INTEGER) return [from, to];
  const shown = sequences === undefined ? "missing" : `[${sequences.from}, ${sequences.to})`;
  throw new WatchpostError(
    "INVALID_ARGUMENT",
    `sequences are ${shown}; wanted from below to, both whole numbers from 0`,
  );
}

function forwardedIn(message: Uint8Array): Uint8Array {
  let forwarded: Uint8Array | undefined;
  const reader = new BinaryReader(message);
  for (let count = 0; reader.pos < reader.len; count++) {
    const [number, wireType] = reader.tag();
    if (number === BATCH_POINTS) {
      throw refused("a batch with points came in a stream of a node that forwards; wanted 'forwarded' alone");
    }
    if (count > UNKNOWN_MAX) throw refused(`the batch has more than ${UNKNOWN_MAX} fields`);
    if (number !== BATCH_FORWARDED) reader.skip(wireType, number);
    else if (forwarded === undefined && wireType === WireType.LengthDelimited) forwarded = reader.bytes();
    else throw refused("the batch has 'forwarded' more than once; wanted it once");
  }
  if (forwarded !== undefined) return forwarded;
  throw refused("a batch without 'forwarded' came in a stream of a node that forwards; wanted it alone");
}

/** What is known of it but its series, in one piece, and those. */
function partsOf(bytes: Uint8Array): { readonly rest: Uint8Array; readonly series: Uint8Array[] } {
  fields ??= new Map(ForwardedSchema.fields.map((field) => [field.number, field]));
  const series: Uint8Array[] = [];
  const rest: Uint8Array[] = [];
  const times = new Map<DescField | undefined, number>();
  const reader = new BinaryReader(bytes);
  let from = 0;
  const leaveOut = (at: number) => {
    if (from < at) rest.push(bytes.subarray(from, at));
    from = reader.pos;
  };
  while (reader.pos < reader.len) {
    const at = reader.pos;
    const [number, wireType] = reader.tag();
    const field = fields.get(number);
    const count = (times.get(field) ?? 0) + 1;
    times.set(field, count);
    const bounds = field === undefined ? { times: UNKNOWN_MAX, bytes: Infinity } : (BOUNDS[number] ?? OTHER);
    const name = field?.name ?? "a field that this version does not know";
    if (count > bounds.times) throw refused(`${name} comes more than ${bounds.times} times in a message`);
    if (field === undefined) {
      reader.skip(wireType, number);
      leaveOut(at);
    } else if (wireType !== wireTypeOf(field)) {
      throw refused(`${name} has wire type ${wireType}; wanted ${wireTypeOf(field)}`);
    } else if (wireType === WireType.Varint) reader.skip(wireType, number);
    else {
      const value = reader.bytes();
      if (value.length > bounds.bytes) {
        throw refused(`${name} has ${value.length} bytes; wanted at most ${bounds.bytes}`);
      }
      if (number !== SERIES) continue;
      series.push(value);
      leaveOut(at);
    }
  }
  leaveOut(reader.pos);
  return { rest: rest.length === 1 ? rest[0] : Buffer.concat(rest), series };
}

/** All are messages, texts, bytes, whole numbers and switches. */
function wireTypeOf({ scalar }: DescField): WireType {
  return scalar === ScalarType.INT64 || scalar === ScalarType.BOOL ? WireType.Varint : WireType.LengthDelimited;
}

function refused(message: string): WatchpostError {
  return new WatchpostError("INVALID_ARGUMENT", message);
}
