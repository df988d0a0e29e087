/** What the ledgers of all nodes may have on their way to the journal: it refuses whatever does not fit its queue, others' too. */
import type { DocumentChange } from "../../model/journal.ts";
import { JOURNAL_QUEUE_BYTES_MAX, JOURNAL_QUEUE_ROWS_MAX } from "../../model/limits.ts";

const ROWS_MAX = JOURNAL_QUEUE_ROWS_MAX / 4;
const BYTES_MAX = JOURNAL_QUEUE_BYTES_MAX / 4;

export class LedgerShare {
  #rows = 0;
  #bytes = 0;
  readonly #waiting: { readonly rows: number; readonly bytes: number; readonly begin: () => void }[] = [];

  /** Settles as `append` does, which begins when its turn has come: what is larger than all there is goes alone. */
  async append(changes: readonly DocumentChange[], append: () => Promise<unknown>): Promise<void> {
    const rows = changes.length;
    const bytes = changes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
    const { promise, resolve: begin } = Promise.withResolvers<void>();
    this.#waiting.push({ rows, bytes, begin });
    this.#letIn();
    await promise;
    try {
      await append();
    } finally {
      this.#rows -= rows;
      this.#bytes -= bytes;
      this.#letIn();
    }
  }

  #letIn(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const fits = this.#rows + next.rows <= ROWS_MAX && this.#bytes + next.bytes <= BYTES_MAX;
      if (!fits && this.#rows > 0) return;
      this.#waiting.shift();
      this.#rows += next.rows;
      this.#bytes += next.bytes;
      next.begin();
    }
  }
}
