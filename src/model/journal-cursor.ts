/**
 * A cursor says how far a reader of the journal has come: epoch and position. To clients it is a short opaque text that
 * can stand in a URL: 20 characters of base64url, of epoch (6 bytes), position (7) and check (2).
 */
import { invalidField } from "./errors.ts";

export interface CursorPlace {
  readonly epoch: number;
  readonly position: number;
}

const [EPOCH_BYTES, POSITION_BYTES, CHECK_BYTES] = [6, 7, 2];
const CURSOR_LENGTH = 20;
export const EPOCH_MAX = 2 ** (8 * EPOCH_BYTES) - 1;

/** `epoch` from 1 to {@link EPOCH_MAX}, `position` from 0. */
export function encodeCursor(epoch: number, position: number): string {
  const place = [...bytesOf(epoch, EPOCH_BYTES), ...bytesOf(position, POSITION_BYTES)];
  return Uint8Array.of(...place, ...bytesOf(checkOf(place), CHECK_BYTES)).toBase64({ alphabet: "base64url" });
}

/** Inverse of {@link encodeCursor}. Throws INVALID_ARGUMENT, naming `field`, for what no cursor is. */
export function decodeCursor(text: string, field = "cursor"): CursorPlace {
  const bytes = bytesIn(text);
  const epoch = numberOf(bytes.subarray(0, EPOCH_BYTES));
  const position = numberOf(bytes.subarray(EPOCH_BYTES, EPOCH_BYTES + POSITION_BYTES));
  const isCursor = epoch > 0 && Number.isSafeInteger(position) && encodeCursor(epoch, position) === text;
  if (!isCursor) throw invalidField(field, text, "a cursor as an earlier answer gave it, unchanged");
  return { epoch, position };
}

function bytesOf(value: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor(value / 256 ** (count - 1 - i)) % 256);
}

function numberOf(bytes: Uint8Array): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

/** No bytes where it is none. */
function bytesIn(text: string): Uint8Array {
  if (text.length !== CURSOR_LENGTH) return new Uint8Array(0);
  try {
    return Uint8Array.fromBase64(text, { alphabet: "base64url" });
  } catch {
    return new Uint8Array(0);
  }
}

/** Another one where a character is another one. */
function checkOf(bytes: readonly number[]): number {
  return bytes.reduce((check, byte) => (check * 263 + byte) % 65_521, 1);
}
