/** Bytes and messages of a method, with damaged bytes told as the caller's mistake. */
import { create, fromBinary, toBinary, type DescMessage } from "@bufbuild/protobuf";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { AnswerWriter, MethodImpl } from "../wire/service.ts";
import { refuseManyFields } from "./message-bounds.ts";

export interface MethodCodec {
  /** What the method's function takes. Throws INVALID_ARGUMENT. */
  readInput(bytes: Uint8Array): unknown;
  /** The bytes of what it answers. */
  writeOutput(output: unknown): Uint8Array;
}

export function codecOf({ kind, method, raw }: MethodImpl): MethodCodec {
  return {
    readInput: raw === "input" || raw === "both" ? (bytes) => bytes : (bytes) => decode(method.input, bytes),
    writeOutput(output) {
      if (raw !== "output" && raw !== "both") return toBinary(method.output, create(method.output, output as never));
      return kind === "unary" ? (output as AnswerWriter).toBinary() : (output as Uint8Array);
    },
  };
}

/** Throws INVALID_ARGUMENT. */
export function decode(schema: DescMessage, bytes: Uint8Array): unknown {
  try {
    refuseManyFields(schema, bytes);
    // Nobody asks for unknown ones, and each would be an object.
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (error) {
    if (error instanceof WatchpostError) throw error;
    throw new WatchpostError("INVALID_ARGUMENT", `the request is no valid ${schema.typeName}: ${messageOf(error)}`);
  }
}
