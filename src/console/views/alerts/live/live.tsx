/** What fires now: by incident, the gravest first. */
import { useEffect, useState } from "preact/hooks";
import { filterOf, mistakesInAlerts, switched } from "../../../data/alert-filter.ts";
import { alertBook, areAlertsKnown, followValues } from "../../../data/alerts.ts";
import { SEVERITIES, type AlertRow } from "../../../data/alert-row.ts";
import { keyOfLine } from "../../../data/incident-list.ts";
import { followRoots } from "../../../data/incidents.ts";
import { countText } from "../../../format.ts";
import type { ToldKey } from "../../../key-sequence.ts";
import { useKeys } from "../../../keys.ts";
import { Empty } from "../../../parts/empty.tsx";
import { Mistakes } from "../../../parts/mistakes.tsx";
import { go, pathTo, route, setParams } from "../../../route.ts";
import { user } from "../../../user.ts";
import { ActionButtons, actionKeys, ALERT_ACTIONS, possibleActions, useAlertActions } from "../actions/action-bar.tsx";
import { AlertList } from "./alert-list.tsx";
import { Filters } from "./filters.tsx";
import { idsOfLine, placeOfKey, type HeldBack } from "./live-list.ts";
import type { Chosen } from "./selection.ts";
import { useLiveList } from "./use-live-list.ts";
import { may } from "../../../who.ts";

/** Of the line that has the focus, as `alert-list.tsx` listens for them. */
const LINE_KEYS: readonly ToldKey[] = [
  { keys: "↑ ↓", label: "To the next alert" },
  { keys: "PageUp PageDown", label: "A page of alerts" },
  { keys: "Home End", label: "To the first alert, or the last" },
  { keys: "Enter", label: "Open the alert, unfold the incident" },
];
const CHOOSING_KEYS: readonly ToldKey[] = [
  { keys: "Shift+↑ Shift+↓", label: "Choose the alert, and go to the next" },
  { keys: "Space", label: "Choose the alert" },
  { keys: "Ctrl+A", label: "Choose all" },
];
const NONE: Chosen = new Set();
/** They stand in the address. */
const UNFOLDED_MAX = 20;

export function LiveAlerts() {
  const { params } = route.value;
  const filter = filterOf(params, user.value);
  const unfolded = (params.get("open") ?? "").split(",").filter(Boolean);
  const { list, touch, letGo } = useLiveList(filter, params.get("group") !== "none", unfolded);
  const [chosen, setChosen] = useState(NONE);
  const [current, setCurrent] = useState<string>();
  const { ask, dialog } = useAlertActions(() => setChosen(NONE));
  useEffect(followRoots, []);
  useEffect(followValues, []);
  const { lines } = list;

  const currentIds = () => {
    const at = placeOfKey(lines, current);
    return at < 0 ? [] : idsOfLine(lines[at]);
  };
  /** Those that are chosen, else what the current line stands for. */
  const meant = () => rowsOf(chosen.size > 0 ? chosen : currentIds());
  const toLine = () => focusLine(current, lines.map(keyOfLine));
  const canAct = possibleActions().length > 0;
  useKeys(
    "Alerts",
    [
      ...actionKeys((action) => ask(action, meant())),
      { keys: "j", label: "To the next alert", run: toLine },
      { keys: "k", label: "To the alert before", run: toLine },
      ...(canAct
        ? [
            { keys: "x", label: "Choose the alert, with Shift all up to it", run: toLine },
            { keys: "*", label: "Choose all that the filter takes", run: () => setChosen(new Set(list.ids)) },
            { keys: "Escape", label: "Choose none", run: () => setChosen(NONE) },
          ]
        : []),
    ],
    canAct ? [...LINE_KEYS, ...CHOOSING_KEYS] : LINE_KEYS,
  );

  return (
    <>
      <Filters filter={filter} count={list.size} />
      <Mistakes of={mistakesInAlerts(params, user.value)} />
      {areAlertsKnown.value && lines.length === 0 && <NothingFires />}
      {!areAlertsKnown.value && <p role="status">Asking the server what fires…</p>}
      {chosen.size > 0 && (
        <div class="alerts-bar toolbar" role="toolbar" aria-label="What to do with the chosen alerts">
          <strong>{countText(chosen.size)} chosen</strong>
          <ActionButtons onAction={(action) => ask(action, meant())} />
          {chosen.size < list.size && (
            <button
              type="button"
              class="quiet"
              title="Choose all in this filter (*)"
              onClick={() => setChosen(new Set(list.ids))}
            >
              Choose all {countText(list.size)}
            </button>
          )}
          <button type="button" class="quiet" title="Choose none (Escape)" onClick={() => setChosen(NONE)}>
            Choose none
          </button>
        </div>
      )}
      <HeldBackNote heldBack={list.heldBack} onShow={letGo} />
      {lines.length > 0 && (
        <AlertList
          {...{ lines, chosen, current }}
          onCurrent={setCurrent}
          onChoose={canAct ? setChosen : undefined}
          onUnfold={({ id }) => setParams({ open: switched(unfolded, id).slice(-UNFOLDED_MAX).join(",") })}
          onOpen={({ id }) => go(pathTo("alerts", id))}
          onAcknowledge={may(ALERT_ACTIONS[0].method) ? (rows) => ask(ALERT_ACTIONS[0], rows) : undefined}
          onTouch={touch}
        />
      )}
      {dialog}
    </>
  );
}

function rowsOf(ids: Iterable<string>): AlertRow[] {
  return [...ids].map((id) => alertBook.row(id)).filter((row) => row !== undefined);
}

function NothingFires() {
  if (alertBook.active.length > 0) {
    return <Empty title="Nothing that this filter takes">Other alerts fire: choose "Show all" to see them.</Empty>;
  }
  return (
    <Empty title="Nothing fires">
      What should not last is said by <a href="/alerts/rules">rules</a>; what was, stands under{" "}
      <a href="/alerts/past">Past</a>.
    </Empty>
  );
}

/** The list keeps still while somebody is at it; what came meanwhile is told. */
function HeldBackNote({ heldBack: { count, rank }, onShow }: { heldBack: HeldBack; onShow(): void }) {
  if (count === 0) return null;
  return (
    <p class="alerts-held">
      <button type="button" data-severity={SEVERITIES[rank]} onClick={onShow}>
        ↑ {countText(count)} new, the gravest {SEVERITIES[rank] ?? "unknown"}: show
      </button>
    </p>
  );
}

function focusLine(current: string | undefined, keys: readonly string[]): void {
  const at = Math.max(0, keys.indexOf(current ?? ""));
  const line = document.querySelector<HTMLElement>(`.alerts-list [aria-rowindex="${at + 2}"]`);
  line?.focus();
}
