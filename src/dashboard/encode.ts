/**
 * Writes DashboardData by hand: the constant part of a series (names, tags) is encoded once and copied, and the bytes of
 * an update serve every reader of a feed. Field numbers are those of proto/dashboard.proto; a test holds this equal to
 * the generated code.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { deviceOf, type SeriesIdentity } from "../model/series-key.ts";
import { AggregateSchema, MetricValueSchema } from "../wire/gen/dashboard_pb.ts";
import type { AggregateOfGroup } from "./aggregate.ts";
import type { WindowOfSeries } from "./windows.ts";

/** Value and timestamp take at most 9 + 2 + 16, window at most 2 + 6 × 9 + 11, stale 2. */
const VARIABLE_BYTES_MAX = 128;

/** The encoded parts of a MetricValue that seldom change: name, metric, source, tags, device, unit. */
export function encodeConstants(identity: SeriesIdentity, unit: string): Uint8Array {
  const { metric, source, tags } = identity;
  const name = `${metric}:${source}`;
  const fields = { name, metric, source, device: deviceOf(identity), tags: Object.fromEntries(tags), unit };
  return toBinary(MetricValueSchema, create(MetricValueSchema, fields));
}

/** The constants of an aggregate: its name and the metric. */
export function encodeGroupConstants(metric: string, group: readonly (readonly [string, string])[]): Uint8Array {
  const name = `${metric}:${group.map(([key, value]) => `${key}=${value}`).join(",")}`;
  return toBinary(MetricValueSchema, create(MetricValueSchema, { name, metric, tags: Object.fromEntries(group) }));
}

export function encodeAggregate(
  group: readonly (readonly [string, string])[],
  { count, ...statistics }: AggregateOfGroup,
): Uint8Array {
  const fields = { ...statistics, count: BigInt(count), group: Object.fromEntries(group) };
  return toBinary(AggregateSchema, create(AggregateSchema, fields));
}

export interface ValueParts {
  readonly value: number;
  readonly timeUs: number;
  readonly stale: boolean;
  readonly window?: WindowOfSeries | undefined;
  /** An encoded Aggregate. */
  readonly aggregate?: Uint8Array | undefined;
}

/** Grows one DashboardData; taken with {@link take}, which begins the next. */
export class UpdateWriter {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  #metrics = 0;

  get metrics(): number {
    return this.#metrics;
  }

  add(constants: Uint8Array, { value, timeUs, stale, window, aggregate }: ValueParts): void {
    this.#reserve(constants.length + (aggregate?.length ?? 0) + VARIABLE_BYTES_MAX);
    this.#metrics++;
    // The length takes two bytes in nearly all cases: room for two is kept, and the value moved where that was wrong.
    this.#bytes[this.#at] = 0x0a;
    const from = this.#at + 3;
    this.#at = from;
    this.#bytes.set(constants, this.#at);
    this.#at += constants.length;
    this.#double(0x11, value);
    this.#timestamp(timeUs);
    if (window !== undefined) this.#window(window);
    if (stale) this.#pair(0x48, 1);
    if (aggregate !== undefined) this.#nested(0x52, aggregate);
    const length = this.#at - from;
    const lengthBytes = varintLength(length);
    if (lengthBytes !== 2) {
      this.#bytes.copyWithin(from - 2 + lengthBytes, from, this.#at);
      this.#at += lengthBytes - 2;
    }
    this.#varintAt(from - 2, length);
  }

  /** Adds fields of DashboardData itself: snapshot, update_interval_ms. */
  finish(intervalMs: number, snapshot: boolean): Uint8Array {
    this.#reserve(16);
    this.#bytes[this.#at++] = 0x18;
    this.#at = this.#varintAt(this.#at, intervalMs);
    if (snapshot) this.#pair(0x20, 1);
    const taken = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    this.#metrics = 0;
    return taken;
  }

  #window({ last, min, max, sum, count, rate }: WindowOfSeries): void {
    this.#bytes[this.#at] = 0x42;
    const from = this.#at + 2;
    this.#at = from;
    this.#double(0x09, last);
    this.#double(0x11, min);
    this.#double(0x19, max);
    this.#double(0x21, sum / count);
    this.#double(0x29, sum);
    this.#bytes[this.#at++] = 0x30;
    this.#at = this.#varintAt(this.#at, count);
    this.#double(0x39, rate);
    this.#bytes[from - 1] = this.#at - from;
  }

  #timestamp(timeUs: number): void {
    const seconds = Math.floor(timeUs / 1_000_000);
    const nanos = (timeUs - seconds * 1_000_000) * 1_000;
    this.#bytes[this.#at] = 0x1a;
    const from = this.#at + 2;
    this.#at = from;
    if (seconds !== 0) {
      this.#bytes[this.#at++] = 0x08;
      this.#at = this.#varintAt(this.#at, seconds);
    }
    if (nanos !== 0) {
      this.#bytes[this.#at++] = 0x10;
      this.#at = this.#varintAt(this.#at, nanos);
    }
    this.#bytes[from - 1] = this.#at - from;
  }

  #nested(tag: number, bytes: Uint8Array): void {
    this.#bytes[this.#at++] = tag;
    this.#at = this.#varintAt(this.#at, bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #double(tag: number, value: number): void {
    this.#bytes[this.#at] = tag;
    this.#view.setFloat64(this.#at + 1, value, true);
    this.#at += 9;
  }

  #pair(tag: number, value: number): void {
    this.#bytes[this.#at++] = tag;
    this.#bytes[this.#at++] = value;
  }

  /** Non-negative integers below 2^53. Returns where it ends. */
  #varintAt(at: number, value: number): number {
    let left = value;
    while (left >= 0x80) {
      this.#bytes[at++] = (left % 0x80) | 0x80;
      left = Math.floor(left / 0x80);
    }
    this.#bytes[at++] = left;
    return at;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + bytes));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x200000 ? 3 : 4;
}
