/** Which of a broker's patterns takes a topic: the first that matches. */
import type { Captures, TopicPattern } from "./topic-pattern.ts";

export interface Route {
  /** Of the pattern; -1: none matches. */
  readonly index: number;
  readonly captures: Captures;
}

/** Topics whose way is remembered, and how long they may be for that. */
const REMEMBERED_MAX = 20_000;
const REMEMBERED_LENGTH_MAX = 512;
const NOWHERE: Route = { index: -1, captures: new Map() };

export class TopicRouter {
  readonly #patterns: readonly TopicPattern[];
  readonly #known = new Map<string, Route>();

  constructor(patterns: readonly TopicPattern[]) {
    this.#patterns = patterns;
  }

  route(topic: string): Route {
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    const found = this.#find(topic);
    if (topic.length <= REMEMBERED_LENGTH_MAX) {
      if (this.#known.size === REMEMBERED_MAX) this.#known.clear();
      this.#known.set(topic, found);
    }
    return found;
  }

  #find(topic: string): Route {
    for (const [index, pattern] of this.#patterns.entries()) {
      const captures = pattern.match(topic);
      if (captures !== undefined) return { index, captures };
    }
    return NOWHERE;
  }
}
