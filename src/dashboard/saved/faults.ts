/** All that is wrong with what somebody gives, not only the first of it. */
import { truncated, WatchpostError, type FieldViolation } from "../../model/errors.ts";

/** More are not said. */
const FAULTS_MAX = 50;
const SHOWN_MAX = 3;

export class Faults {
  readonly found: FieldViolation[] = [];

  /** What `run` answers; undefined where it throws INVALID_ARGUMENT, which is kept. */
  attempt<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof WatchpostError) || error.status !== "INVALID_ARGUMENT") throw error;
      const violations = error.violations.length > 0 ? error.violations : [{ field: "", description: error.message }];
      if (this.found.length < FAULTS_MAX) this.found.push(...violations);
      return undefined;
    }
  }

  /** Throws INVALID_ARGUMENT where there are any. */
  throwAny(): void {
    if (this.found.length === 0) return;
    const shown = this.found.slice(0, SHOWN_MAX).map(({ description }) => truncated(description, 300));
    const more = this.found.length - shown.length;
    const message = [...shown, ...(more > 0 ? [`${more} more`] : [])].join("; ");
    throw new WatchpostError("INVALID_ARGUMENT", message, { violations: this.found });
  }
}
