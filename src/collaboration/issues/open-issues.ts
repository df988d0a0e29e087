/** Issues that are open, in memory and without their texts: what lists ask for, however many there ever were. */
import type { Issue } from "../../wire/gen/issues_pb.ts";
import { withoutTexts } from "./issue-documents.ts";
import { isOpen } from "./issue-words.ts";

export class OpenIssues {
  readonly #byNumber = new Map<number, Issue>();
  /** Undefined where it has to be made anew. */
  #newestFirst: readonly number[] | undefined;

  get count(): number {
    return this.#byNumber.size;
  }

  /** As it is from now on. */
  take(issue: Issue): void {
    const number = Number(issue.number);
    if (this.#byNumber.has(number) !== isOpen(issue)) this.#newestFirst = undefined;
    if (isOpen(issue)) this.#byNumber.set(number, withoutTexts(issue));
    else this.#byNumber.delete(number);
  }

  /** Those of a lower number, each as it is when it is come to. */
  *below(number: number): Generator<Issue, void> {
    this.#newestFirst ??= [...this.#byNumber.keys()].sort((a, b) => b - a);
    for (const one of this.#newestFirst) {
      const issue = one < number ? this.#byNumber.get(one) : undefined;
      if (issue !== undefined) yield issue;
    }
  }
}
