/**
 * prometheus.WriteRequest, read without an object for each series or sample, in steps. Source of the fields: "Prometheus
 * Remote-Write 1.0 specification", remote.proto and types.proto of Prometheus.
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { messageOf } from "../../model/errors.ts";
import type { FormRange } from "../../wire/series-cache.ts";
import { utf8 } from "../../wire/utf8.ts";

/** The labels of a series as they stand in the message. They are the reader's, and the next series changes them. */
export interface Labels {
  /** Where they lie, as "metric", with the framing of the first: without it two labels could look like one. */
  readonly form: FormRange;
  /** In words where they cannot be read. */
  read(): [string, string][] | string;
}

/** What Prometheus may send beside numbers. */
export type Beside = "stale marker" | "native histogram" | "exemplar" | "metadata";

export interface WriteRequestSink {
  sample(labels: Labels, timeMs: number, value: number): void;
  leftOut(what: Beside): void;
}

/** Those of a series that are read: it may have half as many tags. */
const LABELS_MAX = 64;
/** Far more than there are: what is read at once. */
const LABEL_BYTES_MAX = 8 * 1_024;
const SAMPLE_BYTES_MAX = 1_024;
const [SERIES, METADATA] = [1, 3];
const [LABEL, SAMPLE, EXEMPLAR, HISTOGRAM] = [1, 2, 3, 4];
const [NAME, VALUE] = [1, 2];
const [SAMPLE_VALUE, SAMPLE_TIME] = [1, 2];

export class WriteRequestReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #sink: WriteRequestSink;
  readonly #form: FormRange = { metricAt: 0, metricEnd: 0, tagsAt: 0, tagsEnd: 0 };
  /** Beginnings and ends of the labels of the series that is read. */
  readonly #labelsAt: number[] = [];
  #labelsCount = 0;
  readonly #labels: Labels;
  #at = 0;
  /** Of the series that is read; an end of 0: none is. */
  #seriesAt = 0;
  #seriesEnd = 0;
  /** Labels come first, but nothing says that they must: they are found before any sample is read. */
  #areLabelsFound = false;
  #failure: string | undefined;
  #samples = 0;

  constructor(bytes: Uint8Array, sink: WriteRequestSink) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#sink = sink;
    this.#labels = { form: this.#form, read: () => this.#readLabels() };
  }

  /** Samples that were read, stale markers and the one that is being told included. */
  get samples(): number {
    return this.#samples;
  }

  /** What cannot be read, in words; what stands before it has been told. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Reads on by so many fields of the request and its series, each in time that is bounded; true once there is no more to be read. Throws what the sink fails with. */
  step(parts: number): boolean {
    for (let left = parts; left > 0; left--) {
      if (this.#failure !== undefined || this.#at >= this.#bytes.length) return true;
      try {
        if (this.#seriesEnd === 0) this.#readField();
        else if (!this.#areLabelsFound) this.#findLabel();
        else this.#readFieldOfSeries();
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        this.#failure = `the body is no prometheus.WriteRequest at byte ${this.#at}: ${error.message}`;
      }
    }
    return false;
  }

  #readField(): void {
    const tag = this.#varint();
    const [field, type] = [tag >>> 3, tag & 7];
    if (field === SERIES && type === WireType.LengthDelimited) {
      const end = this.#end(this.#bytes.length);
      if (end > this.#at) this.#beginSeries(end);
      return;
    }
    if (field === METADATA) this.#sink.leftOut("metadata");
    this.#skip(type);
  }

  #beginSeries(end: number): void {
    this.#seriesAt = this.#form.metricAt = this.#form.metricEnd = this.#at;
    this.#seriesEnd = end;
    this.#labelsAt.length = this.#labelsCount = 0;
    this.#areLabelsFound = false;
  }

  #findLabel(): void {
    const at = this.#at;
    const tag = this.#varint();
    if (tag !== ((LABEL << 3) | WireType.LengthDelimited)) this.#skip(tag & 7);
    else {
      const end = this.#end(this.#seriesEnd);
      if (this.#labelsCount++ === 0) this.#form.metricAt = at;
      if (this.#labelsCount <= LABELS_MAX) this.#labelsAt.push(this.#at, end);
      this.#form.metricEnd = this.#at = end;
    }
    if (this.#at < this.#seriesEnd) return;
    if (this.#at !== this.#seriesEnd) throw new FormatError("a series ends elsewhere than it says");
    this.#at = this.#seriesAt;
    this.#areLabelsFound = true;
  }

  #readFieldOfSeries(): void {
    const tag = this.#varint();
    const [field, type] = [tag >>> 3, tag & 7];
    if (field === SAMPLE && type === WireType.LengthDelimited) this.#readSample(this.#end(this.#seriesEnd));
    else {
      if (field === HISTOGRAM) this.#sink.leftOut("native histogram");
      else if (field === EXEMPLAR) this.#sink.leftOut("exemplar");
      this.#skip(type);
    }
    if (this.#at >= this.#seriesEnd) this.#seriesEnd = 0;
  }

  #readSample(end: number): void {
    if (end - this.#at > SAMPLE_BYTES_MAX) throw new FormatError(`a sample of ${end - this.#at} bytes`);
    let [value, timeMs, isStale] = [0, 0, false];
    while (this.#at < end) {
      const tag = this.#varint();
      if (tag === ((SAMPLE_VALUE << 3) | WireType.Bit64) && this.#at + 8 <= end) {
        value = this.#view.getFloat64(this.#at, true);
        isStale = Number.isNaN(value) && this.#view.getBigUint64(this.#at, true) === STALE;
        this.#at += 8;
      } else if (tag === SAMPLE_TIME << 3) timeMs = this.#int64();
      else this.#skip(tag & 7);
    }
    if (this.#at !== end) throw new FormatError("a sample ends elsewhere than it says");
    this.#samples++;
    if (isStale) this.#sink.leftOut("stale marker");
    else this.#sink.sample(this.#labels, timeMs, value);
  }

  /** Of 32 bits: tags and lengths. */
  #varint(): number {
    const bytes = this.#bytes;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[this.#at++];
      if (byte === undefined) throw new FormatError("it is cut off");
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new FormatError("a number has too many bytes");
  }

  #int64(): number {
    const bytes = this.#bytes;
    let [low, middle, high] = [0, 0, 0];
    for (let i = 0; i < 10; i++) {
      const byte = bytes[this.#at++];
      if (byte === undefined) throw new FormatError("it is cut off");
      const bits = byte & 0x7f;
      if (i < 4) low |= bits << (7 * i);
      else if (i < 8) middle |= bits << (7 * (i - 4));
      else high |= bits << (7 * (i - 8));
      if (byte >= 0x80) continue;
      if ((high & 0x80) === 0) return low + middle * 2 ** 28 + high * 2 ** 56;
      // Negative, of whose complement no bit is lost.
      return -(BITS_28 - low + (BITS_28 - middle) * 2 ** 28 + (0xff - (high & 0xff)) * 2 ** 56) - 1;
    }
    throw new FormatError("a number has too many bytes");
  }

  #end(within: number): number {
    const length = this.#varint();
    const end = this.#at + length;
    if (end > within) throw new FormatError("a part ends behind what holds it");
    return end;
  }

  #skip(type: number): void {
    if (type === WireType.Varint) {
      for (let i = 0; this.#bytes[this.#at++] >= 0x80; i++)
        if (i > 8) throw new FormatError("a number has too many bytes");
    } else if (type === WireType.Bit64) this.#at += 8;
    else if (type === WireType.Bit32) this.#at += 4;
    else if (type === WireType.LengthDelimited) this.#at = this.#end(this.#bytes.length);
    else throw new FormatError(`a field has wire type ${type}`);
    if (this.#at > this.#bytes.length) throw new FormatError("it is cut off");
  }

  #readLabels(): [string, string][] | string {
    const pairs: [string, string][] = [];
    const at = this.#labelsAt;
    if (this.#labelsCount > LABELS_MAX) return `has ${this.#labelsCount} labels; wanted at most ${LABELS_MAX}`;
    try {
      for (let i = 0; i < at.length; i += 2) {
        const bytes = at[i + 1] - at[i];
        if (bytes > LABEL_BYTES_MAX) return `label ${i / 2 + 1} has ${bytes} bytes; wanted at most ${LABEL_BYTES_MAX}`;
        pairs.push(readLabel(this.#bytes.subarray(at[i], at[i + 1])));
      }
      return pairs;
    } catch (error) {
      return `label ${pairs.length + 1} cannot be read: ${messageOf(error)}`;
    }
  }
}

/** The sender's, not ours. */
class FormatError extends Error {}

/** The NaN by which Prometheus says that a series has ended. */
const STALE = 0x7ff0000000000002n;
const BITS_28 = 2 ** 28 - 1;

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
