/** Points as a Parquet file, which grows by a row group at a time. */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { ByteWriter, ParquetWriter, type SchemaElement } from "hyparquet-writer";
import { BUILD } from "../model/build-info.ts";
import type { Compression } from "./compression.ts";
import type { SeriesRows } from "./point-text.ts";

const GROUP_ROWS = 100_000;
const REQUIRED = "REQUIRED";
const SCHEMA: SchemaElement[] = [
  { name: "points", num_children: 5 },
  {
    name: "timestamp",
    type: "INT64",
    converted_type: "TIMESTAMP_MICROS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
    repetition_type: REQUIRED,
  },
  { name: "metric", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: REQUIRED },
  { name: "source", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: REQUIRED },
  { name: "value", type: "DOUBLE", repetition_type: REQUIRED },
  { name: "tags", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: REQUIRED },
];
const CODECS = { gz: "GZIP", zst: "ZSTD", none: "UNCOMPRESSED", snappy: "SNAPPY" } as const;

/** How its pages are packed; every reader knows snappy. */
export type ParquetCompression = Compression | "snappy";

/**
 * Takes points and gives bytes to `write` in order, a row group of 100,000 points at a time. Columns: timestamp
 * (TIMESTAMP_MICROS), metric, source, value (DOUBLE), tags (a JSON object as text).
 */
export class ParquetRows {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #bytes = new ByteWriter();
  readonly #writer: ParquetWriter;
  #timesUs: bigint[] = [];
  #metrics: string[] = [];
  #sources: string[] = [];
  #values: number[] = [];
  #tags: string[] = [];

  constructor(write: (bytes: Uint8Array) => Promise<void>, compression: ParquetCompression) {
    this.#write = write;
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: SCHEMA,
      codec: CODECS[compression],
      compressors: { GZIP: (page) => gzipSync(page), ZSTD: (page) => zstdCompressSync(page) },
      createdBy: `watchpost version ${BUILD.version}`,
    });
  }

  async add({ metric, source, tags, timesUs, values }: SeriesRows): Promise<void> {
    const json = JSON.stringify(tags);
    for (let i = 0; i < values.length; i++) {
      this.#timesUs.push(BigInt(timesUs[i]));
      this.#metrics.push(metric);
      this.#sources.push(source);
      this.#values.push(values[i]);
      this.#tags.push(json);
      if (this.#values.length === GROUP_ROWS) await this.#endGroup();
    }
  }

  /** Nothing may be added after it. */
  async finish(): Promise<void> {
    await this.#endGroup();
    await this.#writer.finish();
    await this.#flush();
  }

  async #endGroup(): Promise<void> {
    if (this.#values.length === 0) return;
    await this.#writer.write({
      rowGroupSize: GROUP_ROWS,
      columnData: [
        { name: "timestamp", data: this.#timesUs, encoding: "DELTA_BINARY_PACKED" },
        { name: "metric", data: this.#metrics },
        { name: "source", data: this.#sources },
        // A dictionary would take -0 for 0.
        { name: "value", data: this.#values, encoding: "PLAIN" },
        { name: "tags", data: this.#tags },
      ],
    });
    this.#timesUs = [];
    this.#metrics = [];
    this.#sources = [];
    this.#values = [];
    this.#tags = [];
    await this.#flush();
  }

  async #flush(): Promise<void> {
    const bytes = this.#bytes.getBytes();
    if (bytes.length === 0) return;
    await this.#write(bytes.slice());
    this.#bytes.index = 0;
  }
}
