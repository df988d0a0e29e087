/**
 * The hot decoder: the protobuf bytes of a BatchData straight to columns, without an object per point. Reads exactly
 * what the generated decoder reads (last field wins, timestamps merge, unknown fields are skipped); the meaning of what
 * is read is judged later, in ingestion/validate.
 *
 * Two passes: the first skips from point to point, for the source comes after the points on the wire and names their
 * series; the second fills the columns, finding series by the bytes of metric and tags (series-cache).
 */
import { BATCH_POINTS_MAX } from "../model/limits.ts";
import {
  TIME_MISSING,
  TIME_INVALID,
  type SeriesResolver,
  type BatchRows,
  type DecodedBatch,
  type UnusableBatch,
  type MayDefine,
} from "./decoded-batch.ts";
import { SeriesCache, type FormRange } from "./series-cache.ts";
import { lenientUtf8, utf8 } from "./utf8.ts";

const SOURCES_MAX = 1 << 16;
/** Entries of one point's tag map that are read at all; repeats of a key count. */
const TAG_ENTRIES_MAX = 1_000;
/** Field 4, length-delimited. */
export const FORWARDED_TAG = 0x22;
const FORWARDED = "'forwarded' is set: a node that forwards says so with the first message of StreamData";
const EMPTY = new DataView(new ArrayBuffer(0));

class Malformed extends Error {
  constructor(what: string, at: number) {
    super(`malformed protobuf at byte ${at}: ${what}`);
  }
}

export class BatchDecoder {
  readonly #resolve: SeriesResolver;
  readonly #cache: SeriesCache;
  #sourceNumbers = new Map<string, number>();
  readonly #idAt = new Int32Array(BATCH_POINTS_MAX);
  readonly #idEnd = new Int32Array(BATCH_POINTS_MAX);
  readonly #form: FormRange = { metricAt: 0, metricEnd: 0, tagsAt: 0, tagsEnd: 0 };
  #reasons = new Map<number, string>();
  /** Points whose series was not known: row, where it begins and where it ends, one after the other. */
  readonly #unknown: number[] = [];
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = EMPTY;
  #at = 0;
  /** Of the batch in hand. */
  #resolveNow: SeriesResolver;

  constructor(resolve: SeriesResolver, cache: SeriesCache) {
    this.#resolve = this.#resolveNow = resolve;
    this.#cache = cache;
  }

  /**
   * `rows` has room for BATCH_POINTS_MAX of them. Series that were not seen before are resolved only when the whole batch
   * is good, and only for points that `mayDefine`; others have the series 0. `resolve`: for those of this batch.
   */
  decode(
    bytes: Uint8Array,
    rows: BatchRows,
    mayDefine: MayDefine = () => true,
    resolve: SeriesResolver = this.#resolve,
  ): DecodedBatch | UnusableBatch {
    this.#resolveNow = resolve;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    const envelope = { points: 0, source: "", batchId: "", isForwarded: false };
    try {
      this.#readEnvelope(envelope);
      const { points, source, batchId, isForwarded } = envelope;
      if (isForwarded) return { kind: "unusable", reason: FORWARDED, batchId, points };
      if (points > BATCH_POINTS_MAX) {
        const reason = `the batch has ${points} points; wanted at most ${BATCH_POINTS_MAX}`;
        return { kind: "unusable", reason, batchId, points };
      }
      this.#readPoints(source, rows, mayDefine);
      return {
        kind: "batch",
        source,
        batchId,
        count: points,
        at: rows.at,
        seriesIds: rows.seriesIds,
        timesUs: rows.timesUs,
        values: rows.values,
        reasons: this.#reasons,
        pointId: (index) => lenientUtf8(bytes.subarray(this.#idAt[index], this.#idEnd[index])),
      };
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      return { kind: "unusable", reason: error.message, batchId: envelope.batchId, points: envelope.points };
    } finally {
      this.#bytes = bytes.subarray(0, 0);
      this.#view = EMPTY;
    }
  }

  #readEnvelope(envelope: { points: number; source: string; batchId: string; isForwarded: boolean }): void {
    const end = this.#bytes.byteLength;
    while (this.#at < end) {
      const tag = this.#varint32();
      if (tag === 0x0a) {
        this.#at = this.#lengthEnd(end);
        envelope.points++;
      } else if (tag === 0x12) envelope.batchId = this.#string("batch_id", end);
      else if (tag === 0x1a) envelope.source = this.#string("source", end);
      else {
        envelope.isForwarded ||= tag === FORWARDED_TAG;
        this.#skip(tag, end, 0);
      }
    }
  }

  #readPoints(source: string, rows: BatchRows, mayDefine: MayDefine): void {
    const bytes = this.#bytes;
    const end = bytes.byteLength;
    const sourceNumber = this.#sourceNumber(source);
    if (this.#reasons.size > 0) this.#reasons = new Map();
    this.#at = 0;
    this.#unknown.length = 0;
    let row = 0;
    while (this.#at < end) {
      const tag = this.#varint32();
      if (tag !== 0x0a) {
        this.#skip(tag, end, 0);
        continue;
      }
      const pointEnd = this.#lengthEnd(end);
      this.#readPoint(row++, pointEnd, sourceNumber, rows, undefined);
    }
    const unknown = this.#unknown;
    for (let i = 0; i < unknown.length; i += 3) {
      const [unknownRow, at, pointEnd] = [unknown[i], unknown[i + 1], unknown[i + 2]];
      const to = rows.at + unknownRow;
      if (!mayDefine(rows.values[to], rows.timesUs[to])) continue;
      this.#at = at;
      this.#readPoint(unknownRow, pointEnd, sourceNumber, rows, source);
    }
  }

  /** `source`: where the series is not known it is resolved now; undefined: it is noted. */
  #readPoint(row: number, end: number, sourceNumber: number, rows: BatchRows, source: string | undefined): void {
    const form = this.#form;
    const bytes = this.#bytes;
    const view = this.#view;
    const pointAt = this.#at;
    let value = 0;
    let seconds = 0;
    let nanos = 0;
    let timed = false;
    let contiguous = true;
    form.metricAt = form.metricEnd = 0;
    form.tagsAt = form.tagsEnd = 0;
    this.#idAt[row] = this.#idEnd[row] = 0;
    let at = pointAt;
    while (at < end) {
      const fieldAt = at;
      // Tags and lengths are nearly always one byte.
      let tag = bytes[at++];
      if (tag >= 0x80) {
        this.#at = fieldAt;
        tag = this.#varint32();
        at = this.#at;
      }
      if (tag === 0x19) {
        if (at + 8 > end) throw new Malformed("value is cut short", at);
        value = view.getFloat64(at, true);
        at += 8;
        continue;
      }
      if (tag !== 0x22 && tag !== 0x2a && tag !== 0x12 && tag !== 0x0a) {
        this.#at = at;
        this.#skip(tag, end, 0);
        at = this.#at;
        continue;
      }
      let fieldEnd = at + 1 + bytes[at];
      if (bytes[at] < 0x80 && fieldEnd <= end) at++;
      else {
        this.#at = at;
        fieldEnd = this.#lengthEnd(end);
        at = this.#at;
      }
      if (tag === 0x22) {
        if (form.tagsEnd === 0) form.tagsAt = fieldAt;
        else if (form.tagsEnd !== fieldAt) contiguous = false;
        form.tagsEnd = fieldEnd;
      } else if (tag === 0x2a) {
        timed = true;
        this.#at = at;
        while (this.#at < fieldEnd) {
          const stampTag = this.#varint32();
          if (stampTag === 0x08) seconds = this.#int64(fieldEnd);
          else if (stampTag === 0x10) nanos = this.#int32(fieldEnd);
          else this.#skip(stampTag, fieldEnd, 0);
        }
      } else if (tag === 0x12) {
        form.metricAt = at;
        form.metricEnd = fieldEnd;
      } else {
        this.#idAt[row] = at;
        this.#idEnd[row] = fieldEnd;
      }
      at = fieldEnd;
    }
    this.#at = at;
    if (this.#at !== end) throw new Malformed("a field runs past the end of its point", this.#at);
    const { seriesIds, timesUs, values } = rows;
    const to = rows.at + row;
    values[to] = value;
    if (!timed) timesUs[to] = TIME_MISSING;
    else if (nanos < 0 || nanos > 999_999_999) timesUs[to] = TIME_INVALID;
    else timesUs[to] = seconds * 1_000_000 + Math.floor(nanos / 1_000);
    let id = contiguous ? this.#cache.find(this.#view, form, sourceNumber) : 0;
    if (id === 0 && source === undefined) this.#unknown.push(row, pointAt, end);
    else if (id === 0 && source !== undefined) {
      id = this.#resolveSlowly(row, pointAt, end, source);
      if (id !== 0 && contiguous) this.#cache.add(this.#view, form, sourceNumber, id);
    }
    seriesIds[to] = id;
  }

  #resolveSlowly(row: number, pointAt: number, end: number, source: string): number {
    const { metricAt, metricEnd } = this.#form;
    const metric = utf8(this.#bytes.subarray(metricAt, metricEnd));
    const tags: [string, string][] = [];
    let refusal = metric === undefined ? "metric_name is not valid UTF-8" : undefined;
    this.#at = pointAt;
    while (this.#at < end) {
      const tag = this.#varint32();
      if (tag !== 0x22) {
        this.#skip(tag, end, 0);
        continue;
      }
      const entryEnd = this.#lengthEnd(end);
      if (tags.length === TAG_ENTRIES_MAX) refusal ??= `has more than ${TAG_ENTRIES_MAX} tags`;
      if (refusal !== undefined) {
        this.#at = entryEnd;
        continue;
      }
      const entry = this.#readTag(entryEnd);
      if (typeof entry === "string") refusal = entry;
      else tags.push(entry);
    }
    const found = refusal ?? this.#resolveNow(metric!, source, tags);
    if (typeof found === "number") return found;
    this.#reasons.set(row, found);
    return 0;
  }

  #readTag(end: number): [string, string] | string {
    let key: string | undefined = "";
    let value: string | undefined = "";
    while (this.#at < end) {
      const tag = this.#varint32();
      if (tag === 0x0a || tag === 0x12) {
        const textEnd = this.#lengthEnd(end);
        const text = utf8(this.#bytes.subarray(this.#at, textEnd));
        this.#at = textEnd;
        if (tag === 0x0a) key = text;
        else value = text;
      } else this.#skip(tag, end, 0);
    }
    if (key === undefined) return "a tag's key is not valid UTF-8";
    if (value === undefined) return `tag ${JSON.stringify(key)} is not valid UTF-8`;
    return [key, value];
  }

  /** Small numbers for sources, so that the cache compares integers. Forgetting them all only costs cache misses. */
  #sourceNumber(source: string): number {
    let number = this.#sourceNumbers.get(source);
    if (number === undefined) {
      if (this.#sourceNumbers.size >= SOURCES_MAX) {
        this.#sourceNumbers = new Map();
        this.#cache.clear();
      }
      number = this.#sourceNumbers.size;
      this.#sourceNumbers.set(source, number);
    }
    return number;
  }

  #string(field: string, end: number): string {
    const at = this.#at;
    const textEnd = this.#lengthEnd(end);
    const text = utf8(this.#bytes.subarray(this.#at, textEnd));
    if (text === undefined) throw new Malformed(`${field} is not valid UTF-8`, at);
    this.#at = textEnd;
    return text;
  }

  /** Reads a length and returns where what it measures ends, which is within `end`. */
  #lengthEnd(end: number): number {
    const at = this.#at;
    const length = this.#varint32();
    const lengthEnd = this.#at + length;
    if (length < 0 || lengthEnd > end) throw new Malformed(`a length of ${length >>> 0} runs past its end`, at);
    return lengthEnd;
  }

  /** The low 32 bits of a varint, as a signed integer. */
  #varint32(): number {
    const bytes = this.#bytes;
    const at = this.#at;
    let b = bytes[at]!;
    if (b < 0x80) {
      this.#at = at + 1;
      return b;
    }
    let result = b & 0x7f;
    for (let i = 1; i < 10; i++) {
      b = bytes[at + i]!;
      if (i < 5) result |= (b & 0x7f) << (7 * i);
      if (b < 0x80) {
        this.#at = at + i + 1;
        return result;
      }
    }
    throw new Malformed(at + 10 > bytes.byteLength ? "cut short" : "a varint of more than ten bytes", at);
  }

  #int32(end: number): number {
    const value = this.#varint32();
    this.#within(end);
    return value;
  }

  /** A signed 64-bit varint as a double; inexact beyond 2^53, which is out of every range. */
  #int64(end: number): number {
    const bytes = this.#bytes;
    const at = this.#at;
    let low = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      const b = bytes[at + i]!;
      if (i < 4) low |= (b & 0x7f) << (7 * i);
      else if (i === 4) {
        low |= (b & 0x7f) << 28;
        high = (b & 0x7f) >> 4;
      } else high |= (b & 0x7f) << (7 * i - 32);
      if (b < 0x80) {
        this.#at = at + i + 1;
        this.#within(end);
        return (high | 0) * 4_294_967_296 + (low >>> 0);
      }
    }
    throw new Malformed(at + 10 > bytes.byteLength ? "cut short" : "a varint of more than ten bytes", at);
  }

  /** Skips the rest of an unknown field. */
  #skip(tag: number, end: number, depth: number): void {
    const at = this.#at;
    if (tag >>> 3 === 0) throw new Malformed("field number 0", at);
    switch (tag & 7) {
      case 0:
        this.#int64(end);
        break;
      case 1:
        this.#at += 8;
        break;
      case 2:
        this.#at = this.#lengthEnd(end);
        break;
      case 3:
        this.#skipGroup(tag >>> 3, end, depth + 1);
        break;
      case 5:
        this.#at += 4;
        break;
      default:
        throw new Malformed(`wire type ${tag & 7}`, at);
    }
    this.#within(end);
  }

  #skipGroup(field: number, end: number, depth: number): void {
    if (depth > 100) throw new Malformed("groups nested deeper than 100", this.#at);
    while (this.#at < end) {
      const tag = this.#varint32();
      if ((tag & 7) === 4) {
        if (tag >>> 3 !== field) throw new Malformed("a group ends that did not begin", this.#at);
        return;
      }
      this.#skip(tag, end, depth);
    }
    throw new Malformed("a group does not end", this.#at);
  }

  #within(end: number): void {
    if (this.#at > end) throw new Malformed("a field runs past its end", this.#at);
  }
}
