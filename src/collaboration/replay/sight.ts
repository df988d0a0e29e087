/** What of a recording somebody sees. */
import type { Scope } from "../../model/access.ts";
import { seesAlert, type SeesAlert } from "../../model/sees-alert.ts";
import type { SeriesScopes } from "../../model/series-scopes.ts";
import { seesAll, type Named, type SeesName } from "../seen/named.ts";

export interface Sight {
  readonly isEverything: boolean;
  readonly seesName: SeesName;
  /** Of its labels. */
  readonly seesAlert: SeesAlert;
  /** Of its key. */
  seesSeries(key: string): boolean;
}

export type PlacesOfSeries = Pick<SeriesScopes, "seesLabels" | "placeOfKey">;

export function sightOf(scope: Scope, seesName: SeesName, places: PlacesOfSeries): Sight {
  const { isEverything } = scope;
  return {
    isEverything,
    seesName,
    seesAlert: seesAlert(scope, places),
    seesSeries: isEverything ? () => true : (key) => scope.takes(places.placeOfKey(key)),
  };
}

/** Those of which everything that they name is seen. */
export async function seenOf<T>(
  all: readonly T[],
  namesOf: (one: T) => Iterable<Named>,
  seesName: SeesName,
): Promise<T[]> {
  const seen: T[] = [];
  for (const one of all) if (await seesAll(namesOf(one), seesName)) seen.push(one);
  return seen;
}
