/** Issues that are open, in memory and without their texts: what lists ask for, however many there ever were. */
import type { Issue } from "../../wire/gen/issues_pb.ts";
import { withoutTexts } from "./issue-documents.ts";
import { linksOf } from "./issue-links.ts";
import { isOpen } from "./issue-words.ts";

export class OpenIssues {
  readonly #byNumber = new Map<number, Issue>();
  /** Who joins a session asks for them, and many may join at once. */
  readonly #bySession = new Map<string, Set<number>>();
  /** Undefined where it has to be made anew. */
  #newestFirst: readonly number[] | undefined;

  get count(): number {
    return this.#byNumber.size;
  }

  /** As it is from now on. */
  take(issue: Issue): void {
    const number = Number(issue.number);
    const before = this.#byNumber.get(number);
    if ((before !== undefined) !== isOpen(issue)) this.#newestFirst = undefined;
    for (const id of linksOf(before?.links, "session")) this.#unlink(id, number);
    if (!isOpen(issue)) return void this.#byNumber.delete(number);
    this.#byNumber.set(number, withoutTexts(issue));
    for (const id of linksOf(issue.links, "session")) this.#numbersOf(id).add(number);
  }

  /** Those of a lower number, the newest first, each as it is when it is come to. */
  *below(number: number): Generator<Issue, void> {
    this.#newestFirst ??= descending(this.#byNumber.keys());
    for (const one of this.#newestFirst) {
      const issue = one < number ? this.#byNumber.get(one) : undefined;
      if (issue !== undefined) yield issue;
    }
  }

  /** The newest that are linked to a session. */
  ofSession(sessionId: string, limit: number): Issue[] {
    const numbers = descending(this.#bySession.get(sessionId) ?? []).slice(0, limit);
    return numbers.map((number) => this.#byNumber.get(number)!);
  }

  #numbersOf(sessionId: string): Set<number> {
    let numbers = this.#bySession.get(sessionId);
    if (numbers === undefined) this.#bySession.set(sessionId, (numbers = new Set()));
    return numbers;
  }

  #unlink(sessionId: string, number: number): void {
    const numbers = this.#bySession.get(sessionId);
    numbers?.delete(number);
    if (numbers?.size === 0) this.#bySession.delete(sessionId);
  }
}

function descending(numbers: Iterable<number>): number[] {
  return [...numbers].sort((a, b) => b - a);
}
