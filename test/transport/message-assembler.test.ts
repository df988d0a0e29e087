/** Messages of a stream, however its frames cut them. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { BufferPool } from "../../src/model/buffer-pool.ts";
import { MessageAssembler } from "../../src/transport/message-assembler.ts";

const KIB = 1024;
const poolOf = () => new BufferPool(4 * KIB, 1024 * KIB, 1024 * KIB);

function framed(message: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flag);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** `bytes` in pieces that end at `cuts`. */
function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1))), bytes.length].sort((a, b) => a - b);
  return ends.map((end, i) => Buffer.from(bytes.subarray(i === 0 ? 0 : ends[i - 1], end)));
}

test("whole messages come out in order, with their prefix, wherever the frames are cut", () => {
  const message = fc.uint8Array({ maxLength: 20 * KIB });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 20 }), (messages, cuts) => {
      const assembler = new MessageAssembler(50 * KIB, poolOf());
      const out: Buffer[] = [];
      for (const piece of cutAt(Buffer.concat(messages.map((bytes) => framed(bytes))), cuts)) {
        for (const whole of assembler.write(piece)) {
          out.push(Buffer.from(whole));
          // A buffer that is used again must not hold a message that somebody still reads.
          assembler.release(whole);
        }
      }
      expect(out).toEqual(messages.map((bytes) => framed(bytes)));
    }),
  );
});

test("cut inside of its prefix, byte by byte", () => {
  const assembler = new MessageAssembler(KIB, poolOf());
  const bytes = framed(Buffer.from("temperature"), 1);
  const out = [...bytes].flatMap((byte) => assembler.write(Buffer.of(byte)));
  expect(out).toEqual([bytes]);
});

test("a message that says it is too large is refused before it has arrived", () => {
  const assembler = new MessageAssembler(KIB, poolOf());
  expect(assembler.write(framed(new Uint8Array(KIB))).length).toBe(1);
  expect(() => assembler.write(framed(new Uint8Array(KIB + 1)).subarray(0, 5))).toThrow(
    "Received message larger than max (1025 vs 1024)",
  );
});

test("buffers are used again once their message is released, those of single frames never", () => {
  const assembler = new MessageAssembler(50 * KIB, poolOf());
  const send = (bytes: Buffer, ...cuts: number[]) => cutAt(bytes, cuts).flatMap((piece) => assembler.write(piece))[0];
  const first = send(framed(new Uint8Array(8 * KIB).fill(1)), 100);
  expect(send(framed(new Uint8Array(8 * KIB)), 100).buffer).not.toBe(first.buffer);
  assembler.release(first);
  assembler.release(first);
  const again = send(framed(new Uint8Array(8 * KIB).fill(2)), 100);
  expect(again.buffer).toBe(first.buffer);
  expect(send(framed(new Uint8Array(8 * KIB)), 100).buffer).not.toBe(again.buffer);
  const single = send(framed(new Uint8Array(8 * KIB).fill(3)));
  assembler.release(single);
  expect(send(framed(new Uint8Array(8 * KIB)), 100).buffer).not.toBe(single.buffer);
});

test("after its end nothing comes out", () => {
  const assembler = new MessageAssembler(KIB, poolOf());
  const bytes = framed(Buffer.from("x".repeat(100)));
  expect(assembler.write(bytes.subarray(0, 50))).toEqual([]);
  assembler.end();
  expect(assembler.write(bytes.subarray(50))).toEqual([]);
  expect(assembler.write(bytes)).toEqual([]);
});
