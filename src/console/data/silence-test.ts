/** Which alerts a silence takes, as far as a page can tell. Pure. */
import { scopeOf } from "../../model/access.ts";
import type { Alert, Silence } from "../../wire/gen/alerts_pb.ts";
import { silencedLabels } from "./alert-row.ts";
import { parseMatcher, testOf } from "./label-matcher.ts";

/** Undefined: the server alone can tell. `site`: where its device is registered; "": not known. */
export type SilenceTest = (alert: Alert, site: string) => boolean | undefined;

export function testOfSilence({ matchers, scope }: Pick<Silence, "matchers"> & Partial<Silence>): SilenceTest {
  const known = matchers.map(parseMatcher).filter((matcher) => matcher !== undefined);
  if (known.length < matchers.length) return () => undefined;
  const takes = testOf(known);
  if (scope === undefined) return (alert) => takes(silencedLabels(alert));
  const own = scopeOf(scope);
  return (alert, site) => {
    const { source, device = source ?? "", site: said = "" } = alert.labels;
    if (source === undefined && scope.sources.length > 0) return undefined;
    return own.takes({ source: source ?? "", device, site: site || said }) && takes(silencedLabels(alert));
  };
}
