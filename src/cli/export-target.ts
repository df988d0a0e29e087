/** What an export is written to and how, from the file's name and what was said about it. */
import { EXPORT_FORMATS, type ExportFormat, type ExportOutput } from "../client/export.ts";
import type { ParquetCompression } from "../client/parquet-rows.ts";
import { WatchpostError } from "../model/errors.ts";

export interface ExportTarget {
  readonly format: ExportFormat;
  readonly compression: ParquetCompression;
}

export const STDOUT = "-";

/**
 * Format and compression: what was said, otherwise what the name ends with (readings.csv.gz); standard output is JSON Lines
 * unless said otherwise. Throws INVALID_ARGUMENT where that is nothing or cannot be.
 */
export function exportTarget(file: string, format?: string, compress?: string): ExportTarget {
  const [, suffix] = /\.(gz|zst)$/i.exec(file) ?? [];
  const name = suffix === undefined ? file : file.slice(0, -suffix.length - 1);
  const [, ending = ""] = /\.([a-z0-9]+)$/i.exec(name) ?? [];
  const byName = ending.toLowerCase() === "ndjson" ? "jsonl" : ending.toLowerCase();
  const wanted = format ?? (file === STDOUT ? "jsonl" : byName);
  const found = EXPORT_FORMATS.find((known) => known === wanted);
  if (found === undefined) {
    const message = `what ${file} is to be is not known; wanted a name that ends with .jsonl, .csv or .parquet, or --format`;
    throw new WatchpostError("INVALID_ARGUMENT", message);
  }
  if (found !== "parquet") {
    return { format: found, compression: (compress ?? suffix?.toLowerCase() ?? "none") as ParquetCompression };
  }
  if (file === STDOUT) {
    throw new WatchpostError("INVALID_ARGUMENT", "Parquet goes into a file; wanted --output FILE, or jsonl or csv");
  }
  if (suffix !== undefined) {
    const message = `${file} is Parquet in .${suffix}; wanted a name that ends with .parquet: it is packed inside, see --compress`;
    throw new WatchpostError("INVALID_ARGUMENT", message);
  }
  return { format: found, compression: (compress ?? "snappy") as ParquetCompression };
}

/** Standard output, at the pace of whoever reads it. */
export function standardOutput(): ExportOutput {
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    async mark() {},
  };
}
