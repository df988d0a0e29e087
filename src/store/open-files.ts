/** Bounds how many files are open at once: the one used longest ago is closed, and opens itself when it is used again. */
export class OpenFiles {
  readonly #files = new Set<{ close(): void }>();
  readonly #filesMax: number;

  constructor(filesMax: number) {
    this.#filesMax = filesMax;
  }

  use(file: { close(): void }): void {
    this.#files.delete(file);
    this.#files.add(file);
    for (const oldest of this.#files) {
      if (this.#files.size <= this.#filesMax) return;
      oldest.close();
    }
  }

  forget(file: { close(): void }): void {
    this.#files.delete(file);
  }
}
