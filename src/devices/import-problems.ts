/** What an import is of, and what is wrong with it. Pure. */
import { invalidField, truncated, WatchpostError } from "../model/errors.ts";
import type { Wanted } from "./devices.ts";

export interface Imported {
  readonly devices: readonly Wanted[];
  /** The first {@link PROBLEMS_MAX}. */
  readonly problems: readonly string[];
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

/** Collects what is wrong, each with its place. */
export class Problems {
  readonly all: string[] = [];

  /** False where `run` throws what somebody did wrong. `place`: of a field, "" where none is wrong by itself. */
  catch(place: (field: string) => string, run: () => void): boolean {
    try {
      run();
      return true;
    } catch (error) {
      if (!(error instanceof WatchpostError)) throw error;
      this.add(`${place(error.violations[0]?.field ?? "")}: ${error.message}`);
      return false;
    }
  }

  /** Nothing more is told. */
  get isFull(): boolean {
    return this.all.length >= PROBLEMS_MAX;
  }

  add(problem: string): void {
    if (!this.isFull) this.all.push(truncated(problem, PROBLEM_LENGTH_MAX));
  }
}
