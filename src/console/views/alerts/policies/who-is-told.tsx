/** Who would be told of an alert with some labels, if it fired now. */
import { useEffect, useState } from "preact/hooks";
import type { PreviewRoutingResponse } from "../../../../wire/gen/receivers_pb.ts";
import type { ActiveTime } from "../../../../wire/gen/rules_pb.ts";
import { alertsApi } from "../../../api.ts";
import { SEVERITIES } from "../../../data/alert-row.ts";
import { alertBook } from "../../../data/alerts.ts";
import { parseMatcher } from "../../../data/label-matcher.ts";
import { errorText, isCancelled } from "../../../errors.ts";
import { countOf } from "../../../format.ts";
import { pathTo, route, setParams } from "../../../route.ts";
import { ChoiceField, ListField } from "../../../parts/fields.tsx";
import { suggestedMatchers } from "../silences/silence-words.ts";
import { Steps } from "./escalations.tsx";

export interface AskedRouting {
  readonly labels: Readonly<Record<string, string>>;
  readonly escalation: string;
  readonly activeTimes: readonly ActiveTime[];
}

/** Of labels that are typed; they stand in the address. */
export function WhoIsTold({ escalations }: { escalations: readonly string[] }) {
  const { params } = route.value;
  const severity = params.get("severity") ?? "critical";
  const escalation = params.get("escalation") ?? "";
  const [texts, setTexts] = useState<readonly string[]>(
    params.getAll("label").length > 0 ? params.getAll("label") : ["alertname="],
  );
  const labels = Object.fromEntries(
    texts.flatMap((text) => {
      const matcher = parseMatcher(text);
      return matcher?.operator === "=" && matcher.value !== "" ? [[matcher.name, matcher.value] as const] : [];
    }),
  );
  return (
    <section class="card">
      <h2>Who would be told now</h2>
      <div class="policies-ask">
        <ChoiceField
          label="Severity"
          value={severity}
          options={SEVERITIES.map((each) => [each, each])}
          onChange={(chosen) => setParams({ severity: chosen })}
        />
        {escalations.length > 0 && (
          <ChoiceField
            label="Escalation"
            value={escalation}
            options={[["", "none"], ...escalations.map((each) => [each, each] as const)]}
            onChange={(chosen) => setParams({ escalation: chosen })}
          />
        )}
        <ListField
          label="Labels"
          values={texts}
          onChange={setTexts}
          suggest={async (typed) => suggestedMatchers(typed, alertBook.active)}
          placeholder="site=north"
          more="label"
          help="alertname is the rule."
          errorOf={(i) => (isLabel(texts[i]) ? "" : "Wanted name=value")}
        />
      </div>
      <RoutingAnswer asked={{ labels: { ...labels, severity }, escalation, activeTimes: [] }} />
    </section>
  );
}

function isLabel(text: string): boolean {
  return text.trim() === "" || parseMatcher(text)?.operator === "=";
}

const ASKED_AFTER_MS = 250;

export function RoutingAnswer({ asked }: { asked: AskedRouting }) {
  const [answer, setAnswer] = useState<PreviewRoutingResponse>();
  const [failure, setFailure] = useState("");
  const key = JSON.stringify([
    asked.labels,
    asked.escalation,
    asked.activeTimes.map(({ days, from, to, zone }) => [days, from, to, zone]),
  ]);
  useEffect(() => {
    const over = new AbortController();
    const ask = async () => {
      try {
        const { labels, escalation, activeTimes } = asked;
        const request = { labels: { ...labels }, escalation, activeTimes: [...activeTimes] };
        const told = await alertsApi.previewRouting(request, { signal: over.signal });
        setAnswer(told);
        setFailure("");
      } catch (error) {
        if (!isCancelled(error)) setFailure(errorText(error));
      }
    };
    const timer = setTimeout(ask, ASKED_AFTER_MS);
    return () => {
      clearTimeout(timer);
      over.abort();
    };
  }, [key]);
  if (failure !== "") return <p role="alert">It is not known who would be told: {failure}</p>;
  if (answer === undefined) return <p role="status">Asking…</p>;
  const { routed, silenceIds, inhibited, inactive, escalationSteps } = answer;
  const isHeld = silenceIds.length > 0 || inhibited !== undefined || inactive;
  return (
    <div role="status" class="policies-answer">
      {isHeld && (
        <p class="alerts-note">
          Nobody now:{" "}
          {[
            ...(silenceIds.length > 0 ? [`${countOf(silenceIds.length, "silence")} would hold it back`] : []),
            ...(inhibited === undefined
              ? []
              : [
                  `${inhibited.alertId === "" ? "an alert that you do not see" : `“${inhibited.title || inhibited.alertId}”`} inhibits it`,
                ]),
            ...(inactive ? ["it is outside of the times at which the rule notifies"] : []),
          ].join(", and ")}
          . Otherwise:
        </p>
      )}
      <ul class="policies-told">
        {routed.map(({ receiver, channels, matchers, groupLabels, groupWait, repeatInterval }, i) => (
          <li key={i}>
            <a href={`${pathTo("alerts", "receivers")}?q=${encodeURIComponent(receiver)}`}>
              <strong>{receiver}</strong>
            </a>{" "}
            {channels.length === 0 ? (
              <span class="field-error">has no channels: dropped</span>
            ) : (
              `by ${channels.join(", ")}`
            )}{" "}
            <span class="dim">
              {matchers.length === 0 ? "by the first route" : `by ${matchers.join(" / ")}`} · group{" "}
              {Object.entries(groupLabels)
                .map((label) => label.join("="))
                .join(", ") || "of all"}{" "}
              · within {groupWait}, again after {repeatInterval}
            </span>
          </li>
        ))}
        {routed.length === 0 && <li>Nobody: no route has a receiver for it.</li>}
      </ul>
      {escalationSteps.length > 0 && (
        <>
          <p class="dim">And by escalation, until somebody acknowledges:</p>
          <Steps steps={escalationSteps} />
        </>
      )}
    </div>
  );
}
