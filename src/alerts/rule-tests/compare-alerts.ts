/** Which of the alerts that fire are those that are expected. */
import { ANNOTATIONS, type Annotation, type ExpectedAlert } from "./test-file.ts";

export interface FiringAlert {
  /** With "alertname" and "severity". */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<Annotation, string>>;
}

export interface Difference {
  /** Expected, and does not fire. */
  readonly missing: readonly ExpectedAlert[];
  /** Fires, and is not expected. */
  readonly others: readonly FiringAlert[];
}

/** Each alert is one that is expected at most, and as many of them as can be are. */
export function differenceOf(expected: readonly ExpectedAlert[], firing: readonly FiringAlert[]): Difference {
  const fits = expected.map((each) => [...firing.keys()].filter((at) => isMet(each, firing[at])));
  /** By place among those that fire: that of the one that is expected. */
  const taken = new Map<number, number>();
  // Augmenting paths: what another could do without is given up to it.
  const place = (i: number, tried: Set<number>): boolean => {
    for (const at of fits[i]) {
      if (tried.has(at)) continue;
      tried.add(at);
      const other = taken.get(at);
      if (other !== undefined && !place(other, tried)) continue;
      taken.set(at, i);
      return true;
    }
    return false;
  };
  return {
    missing: expected.filter((_, i) => !place(i, new Set())),
    others: firing.filter((_, at) => !taken.has(at)),
  };
}

/** Labels that are not mentioned may be there. */
function isMet({ labels, annotations }: ExpectedAlert, firing: FiringAlert): boolean {
  return (
    // A label that is not there has the value "".
    Object.entries(labels).every(([key, value]) => (firing.labels[key] ?? "") === value) &&
    ANNOTATIONS.every((key) => annotations[key] === undefined || annotations[key] === firing.annotations[key])
  );
}
