/** prometheus.WriteRequest, read without an object for each series or sample. */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import { utf8 } from "../../wire/utf8.ts";

/** The labels of a series as they stand in the message: the same bytes for the same series. */
export interface LabelBytes {
  /** The bytes, one a character. */
  readonly key: string;
  /** In words where they cannot be read. */
  read(): [string, string][] | string;
}

export interface WriteRequestSink {
  sample(labels: LabelBytes, timeMs: number, value: number): void;
  /** A native histogram. */
  histogram(): void;
}

/**
 * Series, samples and histograms in one request. Senders have some thousands; packed, a few hundred kilobytes could hold
 * millions, which would take the event loop for seconds.
 */
export const PARTS_MAX = 250_000;
const LABELS_MAX = 1_000;

const SERIES = 1;
const [LABEL, SAMPLE, , HISTOGRAM] = [1, 2, 3, 4];
const [NAME, VALUE] = [1, 2];
const [SAMPLE_VALUE, SAMPLE_TIME] = [1, 2];

/** Answers in words with what cannot be read; what stands before it has been told. Throws what the sink fails with. */
export function readWriteRequest(bytes: Uint8Array, sink: WriteRequestSink): string | undefined {
  const reader = new BinaryReader(bytes);
  let parts = 0;
  const countPart = () => {
    if (++parts > PARTS_MAX) throw new RangeError(`more than ${PARTS_MAX} series and samples; send less at once`);
  };
  try {
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === SERIES && type === WireType.LengthDelimited) {
        const end = endOf(reader, reader.len);
        countPart();
        readSeries(bytes, reader, end, sink, countPart);
      } else reader.skip(type, field);
    }
    return undefined;
  } catch (error) {
    if (error instanceof WatchpostError) throw error;
    return `the body is no prometheus.WriteRequest at byte ${reader.pos}: ${messageOf(error)}`;
  }
}

function readSeries(
  bytes: Uint8Array,
  reader: BinaryReader,
  end: number,
  sink: WriteRequestSink,
  countPart: () => void,
): void {
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
    if (labelsAt.length === 2 * LABELS_MAX) throw new RangeError(`a series of more than ${LABELS_MAX} labels`);
    labelsAt.push(reader.pos, until);
    reader.pos = until;
  }
  if (reader.pos !== end) throw new RangeError("a series ends elsewhere than it says");
  const labels = labelsOf(bytes, firstAt, labelsAt);
  reader.pos = from;
  while (reader.pos < end) {
    const [field, type] = reader.tag();
    if (field === SAMPLE && type === WireType.LengthDelimited) {
      countPart();
      readSample(reader, endOf(reader, end), labels, sink);
    } else if (field === HISTOGRAM) {
      countPart();
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
    read: () => readLabels(bytes, at),
  };
}

function readLabels(bytes: Uint8Array, at: readonly number[]): [string, string][] | string {
  const pairs: [string, string][] = [];
  try {
    for (let i = 0; i < at.length; i += 2) pairs.push(readLabel(bytes.subarray(at[i], at[i + 1])));
    return pairs;
  } catch (error) {
    return `label ${pairs.length + 1} cannot be read: ${messageOf(error)}`;
  }
}

function readLabel(bytes: Uint8Array): [string, string] {
  const reader = new BinaryReader(bytes);
  let [name, value] = ["", ""];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === NAME && type === WireType.LengthDelimited) name = textOf(reader.bytes());
    else if (field === VALUE && type === WireType.LengthDelimited) value = textOf(reader.bytes());
    else reader.skip(type, field);
  }
  return [name, value];
}

function textOf(bytes: Uint8Array): string {
  const text = utf8(bytes);
  if (text === undefined) throw new RangeError("it is not valid UTF-8");
  return text;
}

function endOf(reader: BinaryReader, within: number): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > within) throw new RangeError("a part ends behind what holds it");
  return end;
}
