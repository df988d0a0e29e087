/** What members of a bench write, and the little that is read of what they get. */

export interface ReadMessage {
  /** In its session; 0: it has none. */
  number: number;
  /** As its sender wrote it, 0 in the warm-up; -1: no member has sent it. */
  sentMs: number;
  hasCursor: boolean;
}

/** Fields of CollaborationMessage. */
const [TEXT, NUMBER, CURSOR] = [2, 8, 9];
const SIGN = 0x40;
const TIME_LENGTH = 16;

/** As long as what people write. The time is in it in microseconds. */
export function sentText(sentMs: number, i: number): string {
  const time = String(Math.round(sentMs * 1_000)).padStart(TIME_LENGTH, "0");
  return `@${time} ${i}: is that the pump again, or does the sensor of hall 4 freeze?`;
}

/** Reads a CollaborationMessage into `to`, without what is nested in it. */
export function readMessage(bytes: Uint8Array, to: ReadMessage): void {
  [to.number, to.sentMs, to.hasCursor] = [0, -1, false];
  let at = 0;
  const varint = () => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const value = varint();
    const field = tag >>> 3;
    if ((tag & 7) === 0) {
      if (field === NUMBER) to.number = value;
      continue;
    }
    if (field === TEXT && value > TIME_LENGTH && bytes[at] === SIGN) to.sentMs = timeIn(bytes, at + 1);
    else if (field === CURSOR) to.hasCursor = value > 0;
    at += value;
  }
}

function timeIn(bytes: Uint8Array, from: number): number {
  let us = 0;
  for (let at = from; at < from + TIME_LENGTH; at++) us = us * 10 + bytes[at] - 0x30;
  return us / 1_000;
}
