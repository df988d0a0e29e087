/**
 * InfluxDB line protocol, from bytes to points without an object for each. Source of the syntax: "Line protocol reference",
 * InfluxDB v1.8 and v2 documentation.
 *
 *     measurement[,tag=value…] field=value[,field=value…] [timestamp]
 */

import type { FormRange } from "../../wire/series-cache.ts";

/** Where a point's identity lies: as "metric" measurement and tags as they stand, as "tags" the field's key. */
export type LineForm = FormRange;

export interface LineSink {
  /** A number of a line. The same bytes of `form` for the same series; it is the parser's, and the next point changes it. */
  point(line: number, form: LineForm, value: number, timeUs: number): void;
  /** A field that is text: there is no number to be stored. */
  text(line: number, field: string): void;
  /** A line, or a field of one, that cannot be read. */
  malformed(line: number, reason: string): void;
}

const [NEWLINE, RETURN, SPACE, TAB, QUOTE, HASH, COMMA, MINUS, DOT, ZERO, NINE, EQUALS, BACKSLASH] = [
  0x0a, 0x0d, 0x20, 0x09, 0x22, 0x23, 0x2c, 0x2d, 0x2e, 0x30, 0x39, 0x3d, 0x5c,
];
/** Digits that a double holds exactly. */
const DIGITS_EXACT = 15;
const POWERS = Array.from({ length: 23 }, (_, i) => 10 ** i);

/** Measurement and tags of a line: thirty-two tags as long as they may be. They are compared for every field. */
const SECTION_BYTES_MAX = 32 * 1024;
const FIELDS_BYTES_MAX = 1024 * 1024;

export class LineParser {
  readonly #bytes: Uint8Array;
  readonly #buffer: Buffer;
  readonly #unitsPerUs: number;
  readonly #sink: LineSink;
  readonly #form: LineForm = { metricAt: 0, metricEnd: 0, tagsAt: 0, tagsEnd: 0 };
  #at = 0;
  #line = 0;
  /** Of the line whose fields are read; 0: none is. */
  #fieldsEnd = 0;
  #timeUs = NaN;

  /** `unitsPerUs`: of the timestamps, such as 1000 for nanoseconds and 1/1000 for milliseconds. */
  constructor(bytes: Uint8Array, unitsPerUs: number, sink: LineSink) {
    this.#bytes = bytes;
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#unitsPerUs = unitsPerUs;
    this.#sink = sink;
  }

  /** Reads on by about `bytesMax` bytes; true once all are read. */
  step(bytesMax: number): boolean {
    const bytes = this.#bytes;
    const { length } = bytes;
    const until = Math.min(length, this.#at + bytesMax);
    while (this.#at < until) {
      if (this.#fieldsEnd === 0) {
        this.#line++;
        while (bytes[this.#at] === SPACE || bytes[this.#at] === TAB || bytes[this.#at] === RETURN) this.#at++;
        if (this.#at < length && bytes[this.#at] !== NEWLINE && bytes[this.#at] !== HASH) this.#beginLine();
      }
      if (this.#fieldsEnd > 0 && !this.#readFields(until)) return false;
      this.#at = this.#lineEnd(this.#at) + 1;
    }
    return this.#at >= length;
  }

  /** Finds the parts of a line; where it is malformed, none of its fields are read. */
  #beginLine(): void {
    const bytes = this.#bytes;
    const sectionAt = this.#at;
    const sectionEnd = this.#unescaped(sectionAt, SPACE);
    if (sectionEnd === sectionAt || bytes[sectionAt] === COMMA) return this.#malformed("it has no measurement");
    if (sectionEnd - sectionAt > SECTION_BYTES_MAX) return this.#malformed(SECTION_TOO_LONG);
    if (bytes[sectionEnd] !== SPACE) return this.#malformed("it has no fields");
    const fieldsAt = this.#past(sectionEnd, SPACE);
    const fieldsEnd = this.#endOfFields(fieldsAt);
    if (fieldsEnd === fieldsAt) return this.#malformed("it has no fields");
    if (fieldsEnd - fieldsAt > FIELDS_BYTES_MAX) return this.#malformed(FIELDS_TOO_LONG);
    if (fieldsEnd < 0) return this.#malformed("a text has no closing quote");
    const timeUs = this.#readTimeUs(fieldsEnd);
    if (timeUs === undefined) return;
    this.#form.metricAt = sectionAt;
    this.#form.metricEnd = sectionEnd;
    this.#at = fieldsAt;
    this.#fieldsEnd = fieldsEnd;
    this.#timeUs = timeUs;
  }

  /** Those before `until`, at least one; true once there are no more. */
  #readFields(until: number): boolean {
    const form = this.#form;
    const fieldsEnd = this.#fieldsEnd;
    do {
      const at = this.#at;
      const keyEnd = this.#unescaped(at, EQUALS);
      if (keyEnd >= fieldsEnd || keyEnd === at || this.#bytes[keyEnd] !== EQUALS) {
        this.#malformed("a field is not key=value");
        this.#at = fieldsEnd;
        break;
      }
      const end = this.#endOfField(keyEnd + 1, fieldsEnd);
      form.tagsAt = at;
      form.tagsEnd = keyEnd;
      this.#readField(keyEnd + 1, end, this.#timeUs);
      this.#at = end + 1;
    } while (this.#at < fieldsEnd && this.#at < until);
    if (this.#at < fieldsEnd) return false;
    this.#at = fieldsEnd;
    this.#fieldsEnd = 0;
    return true;
  }

  #readField(from: number, to: number, timeUs: number): void {
    if (this.#bytes[from] === QUOTE) {
      // A quoted text may hold line breaks: the line goes on behind it.
      return this.#sink.text(this.#line, this.#field());
    }
    const value = this.#number(from, to);
    if (value === undefined) {
      const shown = JSON.stringify(this.#buffer.toString("utf8", from, Math.min(to, from + 40)));
      return this.#malformed(
        `field ${JSON.stringify(this.#field().slice(0, 64))} is ${shown}; wanted a number, a boolean or "text"`,
      );
    }
    this.#sink.point(this.#line, this.#form, value, timeUs);
  }

  #field(): string {
    return this.#buffer.toString("latin1", this.#form.tagsAt, this.#form.tagsEnd);
  }

  /** Decimal digits in short numbers are read here; everything else as ECMAScript reads it. */
  #number(from: number, to: number): number | undefined {
    const bytes = this.#bytes;
    let at = from;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at++;
    let [mantissa, digits, scale] = [0, 0, 0];
    for (; at < to && bytes[at] >= ZERO && bytes[at] <= NINE; at++, digits++)
      mantissa = 10 * mantissa + bytes[at] - ZERO;
    if (bytes[at] === DOT && at < to) {
      at++;
      for (; at < to && bytes[at] >= ZERO && bytes[at] <= NINE; at++, digits++, scale++) {
        mantissa = 10 * mantissa + bytes[at] - ZERO;
      }
    }
    const isInteger = at === to - 1 && scale === 0 && (bytes[at] === 0x69 || bytes[at] === 0x75);
    if ((at === to || isInteger) && digits > 0 && digits <= DIGITS_EXACT) {
      const size = mantissa / POWERS[scale];
      return isNegative ? -size : size;
    }
    return otherNumber(this.#buffer.toString("latin1", from, to));
  }

  /** The timestamp behind the fields; NaN: there is none, undefined: it is malformed, which has been said. */
  #readTimeUs(fieldsEnd: number): number | undefined {
    const bytes = this.#bytes;
    const lineEnd = this.#lineEnd(fieldsEnd);
    const from = this.#past(fieldsEnd, SPACE);
    let to = lineEnd;
    while (to > from && (bytes[to - 1] === RETURN || bytes[to - 1] === SPACE || bytes[to - 1] === TAB)) to--;
    if (to === from) return NaN;
    let at = from;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at++;
    const isWhole = to > at && to - at <= 19 && this.#areDigits(at, to);
    if (!isWhole) {
      const shown = JSON.stringify(this.#buffer.toString("utf8", from, Math.min(to, from + 40)));
      this.#malformed(`its timestamp is ${shown}; wanted a whole number`);
      this.#at = lineEnd;
      return undefined;
    }
    // Nanoseconds are more than a double holds: what is finer than a microsecond is cut off before.
    const cut = this.#unitsPerUs > 1 ? Math.round(Math.log10(this.#unitsPerUs)) : 0;
    let units = 0;
    for (; at < to - cut; at++) units = 10 * units + bytes[at] - ZERO;
    const timeUs = cut > 0 ? units : units / this.#unitsPerUs;
    return isNegative ? -Math.max(timeUs, 1) : timeUs;
  }

  #areDigits(from: number, to: number): boolean {
    for (let at = from; at < to; at++) if (this.#bytes[at] < ZERO || this.#bytes[at] > NINE) return false;
    return true;
  }

  /**
   * Of the fields: the first space outside of quotes, or the end of the line; -1: a quote is still open at the very end. Looks
   * no further than one byte past what they may be.
   */
  #endOfFields(from: number): number {
    const bytes = this.#bytes;
    let isQuoted = false;
    for (let at = from; at < bytes.length; at++) {
      if (at - from > FIELDS_BYTES_MAX) return at;
      const byte = bytes[at];
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) isQuoted = !isQuoted;
      else if (!isQuoted && (byte === SPACE || byte === NEWLINE || byte === RETURN)) return at;
    }
    return isQuoted ? -1 : bytes.length;
  }

  #endOfField(from: number, fieldsEnd: number): number {
    const bytes = this.#bytes;
    let isQuoted = false;
    for (let at = from; at < fieldsEnd; at++) {
      const byte = bytes[at];
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) isQuoted = !isQuoted;
      else if (byte === COMMA && !isQuoted) return at;
    }
    return fieldsEnd;
  }

  /** The first such byte that is not escaped, or the end of the line; no further than one byte past what a section may be. */
  #unescaped(from: number, wanted: number): number {
    const bytes = this.#bytes;
    const end = Math.min(bytes.length, from + SECTION_BYTES_MAX + 1);
    for (let at = from; at < end; at++) {
      const byte = bytes[at];
      if (byte === wanted || byte === NEWLINE) return at;
      if (byte === BACKSLASH) at++;
    }
    return end;
  }

  #past(from: number, byte: number): number {
    let at = from;
    while (this.#bytes[at] === byte) at++;
    return at;
  }

  #lineEnd(from: number): number {
    const end = this.#bytes.indexOf(NEWLINE, from);
    return end < 0 ? this.#bytes.length : end;
  }

  #malformed(reason: string): void {
    this.#sink.malformed(this.#line, reason);
  }
}

const SECTION_TOO_LONG = `its measurement and tags are more than ${SECTION_BYTES_MAX} bytes`;
const FIELDS_TOO_LONG = `its fields are more than ${FIELDS_BYTES_MAX} bytes`;

function otherNumber(text: string): number | undefined {
  switch (text) {
    case "t":
    case "T":
    case "true":
    case "True":
    case "TRUE":
      return 1;
    case "f":
    case "F":
    case "false":
    case "False":
    case "FALSE":
      return 0;
    default: {
      const isDecimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text);
      if (isDecimal) return Number(text);
      return /^-?\d+[iu]$/.test(text) ? Number(text.slice(0, -1)) : undefined;
    }
  }
}

/** Measurement and tags of a section, unescaped. Tags without a value or without "=" are left out. */
export function readSection(section: string): { readonly measurement: string; readonly tags: [string, string][] } {
  const [measurement, ...tags] = splitUnescaped(utf8Of(section), ",");
  const pairs = tags.map((tag) => splitUnescaped(tag, "=")).filter((parts) => parts.length === 2 && parts[1] !== "");
  return { measurement: unescaped(measurement), tags: pairs.map(([key, value]) => [unescaped(key), unescaped(value)]) };
}

/** A field's key, unescaped. */
export function readField(field: string): string {
  return unescaped(utf8Of(field));
}

/** What was read byte by byte. */
function utf8Of(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
}

function splitUnescaped(text: string, at: string): string[] {
  if (!text.includes("\\")) return text.split(at);
  const parts = [""];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "\\" && i + 1 < text.length) parts[parts.length - 1] += text[i] + text[++i];
    else if (text[i] === at) parts.push("");
    else parts[parts.length - 1] += text[i];
  }
  return parts;
}

/** A backslash before anything but what must be escaped is a backslash. */
function unescaped(text: string): string {
  return text.includes("\\") ? text.replace(/\\([,= ])/g, "$1") : text;
}
