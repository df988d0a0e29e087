/** What an import is of, and what is wrong with it. Pure. */
import { invalidField, truncated, WatchpostError } from "../model/errors.ts";
import type { Attempt } from "./device-input.ts";
import type { Wanted } from "./devices.ts";

export interface Imported {
  /** Without what is wrong with them. */
  readonly devices: readonly Wanted[];
  readonly problems: Problems;
}

export const PROBLEMS_MAX = 100;
/** Of one import, those included that stay as they are. */
export const DEVICES_MAX = 10_000;
/** Devices or rows that are read in one turn, a few milliseconds. */
export const READ_AT_ONCE = 100;
const PROBLEM_LENGTH_MAX = 300;

/** Throws INVALID_ARGUMENT. `what`: in the plural. */
export function refuseTooMany(what: string, count: number, max: number): void {
  if (count > max) throw invalidField("content", `more than ${max} ${what}`, `at most ${max}: import it in parts`);
}

/** Where a field is said, "" being the whole: "line 3, column 5". */
export type Place = (field: string) => string;

/** Collects what is wrong, each with its place. */
export class Problems {
  readonly #all: string[] = [];

  /** Notes what is done wrong at a place. */
  attempt(place: Place): Attempt {
    return (check) => {
      try {
        return check();
      } catch (error) {
        if (!(error instanceof WatchpostError)) throw error;
        this.add(`${place(error.violations[0]?.field ?? "")}: ${error.message}`);
        return undefined;
      }
    };
  }

  /** The first {@link PROBLEMS_MAX} that were found, in the order of their lines and columns, or devices. */
  get sorted(): string[] {
    const placed = this.#all.map((problem) => {
      const [, line = 0, column = 0] = /^(?:line|device) (\d+)(?:, column (\d+))?/.exec(problem) ?? [];
      return { problem, line: Number(line), column: Number(column) };
    });
    return placed.sort((x, y) => x.line - y.line || x.column - y.column).map(({ problem }) => problem);
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /** Nothing more is told. */
  get isFull(): boolean {
    return this.#all.length >= PROBLEMS_MAX;
  }

  add(problem: string): void {
    if (!this.isFull) this.#all.push(truncated(problem, PROBLEM_LENGTH_MAX));
  }
}
