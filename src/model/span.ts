/** A stretch of work that traces tell of. */
export interface Span {
  /** A part of it. */
  child(name: string): Span;
  set(name: string, value: string | number): void;
  /** Once. `failure`: what went wrong, in a sentence. */
  end(failure?: string): void;
}

/** Begins work that is part of nothing; undefined: this one is not told of. */
export type BeginSpan = (name: string) => Span | undefined;
