/** A node that has some of what was asked for, and did not answer. */
export interface MissingNode {
  readonly name: string;
  /** Ends a sentence. */
  readonly why: string;
}
