/** Which rows of a generation came with which record of the log. */
import { firstNotBefore, Float64Column } from "./column.ts";

export class RecordRows {
  readonly #seqs = new Float64Column();
  readonly #firstRows = new Float64Column();

  /** A record whose rows begin at `firstRow`; in ascending order of both. */
  push(seq: number, firstRow: number): void {
    this.#seqs.push(seq);
    this.#firstRows.push(firstRow);
  }

  /** The first row of a record of this or a later sequence; Infinity where none has come. */
  firstRowFrom(seq: number): number {
    const seqs = this.#seqs.cells;
    const at = firstNotBefore(seqs, 0, seqs.length, seq);
    return at < seqs.length ? this.#firstRows.cells[at] : Infinity;
  }

  /** The sequence of the record that a row came with. */
  seqOf(row: number): number {
    const firstRows = this.#firstRows.cells;
    return this.#seqs.cells[firstNotBefore(firstRows, 0, firstRows.length, row + 1) - 1];
  }
}
