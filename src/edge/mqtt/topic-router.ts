/** Which of a broker's patterns takes a topic: the first that matches. */
import { parseTopicPattern, type Captures, type TopicPattern } from "./topic-pattern.ts";

export interface Route {
  /** Of the pattern; -1: none matches. */
  readonly index: number;
  readonly captures: Captures;
  /** Whether a subscription of the patterns brings it: filters know no parts of levels, so they bring more than is taken. */
  readonly isSubscribed: boolean;
}

/** Topics whose way is remembered, and how long they may be for that. */
const REMEMBERED_MAX = 20_000;
const REMEMBERED_LENGTH_MAX = 512;
const NO_CAPTURES: Captures = new Map();

export class TopicRouter {
  readonly #patterns: readonly TopicPattern[];
  readonly #filters: readonly TopicPattern[];
  readonly #known = new Map<string, Route>();

  constructor(patterns: readonly TopicPattern[]) {
    this.#patterns = patterns;
    this.#filters = patterns.map(({ filter }) => parseTopicPattern(filter));
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
      if (captures !== undefined) return { index, captures, isSubscribed: true };
    }
    const isSubscribed = this.#filters.some((filter) => filter.match(topic) !== undefined);
    return { index: -1, captures: NO_CAPTURES, isSubscribed };
  }
}
