import type { AlertRow } from "../../../data/alert-row.ts";
import type { Coverage } from "../../../data/silence-draft.ts";
import { countText } from "../../../format.ts";
import { Severity } from "../../../parts/status.tsx";

const NAMED_MAX = 6;

/** What a silence would take of what fires now. */
export function Covered({ coverage: { covered, unsure, missed, wrong } }: { coverage: Coverage }) {
  return (
    <section class="alerts-covered" aria-live="polite">
      <strong>
        {wrong.length > 0 && "Complete what is marked to see what it covers"}
        {wrong.length === 0 && covered.length === 1 && "Covers one alert that fires now"}
        {wrong.length === 0 && covered.length !== 1 && `Covers ${countText(covered.length)} alerts that fire now`}
      </strong>
      {missed.length > 0 && (
        <p class="field-error">not {missed.map(titleOf).slice(0, 3).join(", ")}, which you chose</p>
      )}
      {unsure.length > 0 && <p class="dim">of {countText(unsure.length)} more only the server can tell</p>}
      <ul class="alerts-named">
        {covered.slice(0, NAMED_MAX).map(({ id, alert }) => (
          <li key={id}>
            <Severity severity={alert.severity} /> {alert.title}
          </li>
        ))}
        {covered.length > NAMED_MAX && <li class="dim">and {countText(covered.length - NAMED_MAX)} more</li>}
      </ul>
    </section>
  );
}

function titleOf({ alert }: AlertRow): string {
  return alert.title;
}
