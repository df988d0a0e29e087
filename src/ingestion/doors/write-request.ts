/** prometheus.WriteRequest, read without an object for each series or sample. */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { messageOf } from "../../model/errors.ts";

/** The labels of a series as they stand in the message: the same bytes for the same series. */
export interface LabelBytes {
  /** The bytes, one a character. */
  readonly key: string;
  read(): [string, string][];
}

export interface WriteRequestSink {
  sample(labels: LabelBytes, timeMs: number, value: number): void;
  /** A native histogram. */
  histogram(): void;
}

const SERIES = 1;
const [LABEL, SAMPLE, , HISTOGRAM] = [1, 2, 3, 4];
const [NAME, VALUE] = [1, 2];
const [SAMPLE_VALUE, SAMPLE_TIME] = [1, 2];

/** Answers in words with what cannot be read; what stands before it has been told. */
export function readWriteRequest(bytes: Uint8Array, sink: WriteRequestSink): string | undefined {
  const reader = new BinaryReader(bytes);
  try {
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === SERIES && type === WireType.LengthDelimited) {
        const end = endOf(reader, reader.len);
        readSeries(bytes, reader, end, sink);
      } else reader.skip(type, field);
    }
    return undefined;
  } catch (error) {
    return `the body is no prometheus.WriteRequest at byte ${reader.pos}: ${messageOf(error)}`;
  }
}

function readSeries(bytes: Uint8Array, reader: BinaryReader, end: number, sink: WriteRequestSink): void {
  const labelsAt: number[] = [];
  const from = reader.pos;
  let firstAt = from;
  // Labels come first, but nothing says that they must.
  while (reader.pos < end) {
    const at = reader.pos;
    const [field, type] = reader.tag();
    if (field !== LABEL || type !== WireType.LengthDelimited) {
      reader.skip(type, field);
      continue;
    }
    if (labelsAt.length === 0) firstAt = at;
    const until = endOf(reader, end);
    labelsAt.push(reader.pos, until);
    reader.pos = until;
  }
  if (reader.pos !== end) throw new RangeError("a series ends elsewhere than it says");
  const labels = labelsOf(bytes, firstAt, labelsAt);
  reader.pos = from;
  while (reader.pos < end) {
    const [field, type] = reader.tag();
    if (field === SAMPLE && type === WireType.LengthDelimited) readSample(reader, endOf(reader, end), labels, sink);
    else if (field === HISTOGRAM) {
      reader.skip(type, field);
      sink.histogram();
    } else reader.skip(type, field);
  }
}

function readSample(reader: BinaryReader, end: number, labels: LabelBytes, sink: WriteRequestSink): void {
  let [value, timeMs] = [0, 0];
  while (reader.pos < end) {
    const [field, type] = reader.tag();
    if (field === SAMPLE_VALUE && type === WireType.Bit64) value = reader.double();
    else if (field === SAMPLE_TIME && type === WireType.Varint) timeMs = Number(reader.int64());
    else reader.skip(type, field);
  }
  if (reader.pos !== end) throw new RangeError("a sample ends elsewhere than it says");
  sink.sample(labels, timeMs, value);
}

/** `from`: with the framing of the first, without which two labels could look like one. */
function labelsOf(bytes: Uint8Array, from: number, at: readonly number[]): LabelBytes {
  const to = at.at(-1) ?? from;
  return {
    key: Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1"),
    read: () => {
      const pairs: [string, string][] = [];
      for (let i = 0; i < at.length; i += 2) pairs.push(readLabel(bytes.subarray(at[i], at[i + 1])));
      return pairs;
    },
  };
}

function readLabel(bytes: Uint8Array): [string, string] {
  const reader = new BinaryReader(bytes);
  let [name, value] = ["", ""];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === NAME && type === WireType.LengthDelimited) name = reader.string();
    else if (field === VALUE && type === WireType.LengthDelimited) value = reader.string();
    else reader.skip(type, field);
  }
  return [name, value];
}

function endOf(reader: BinaryReader, within: number): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > within) throw new RangeError("a part ends behind what holds it");
  return end;
}
