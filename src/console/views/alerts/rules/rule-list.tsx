import { useEffect, useMemo, useState } from "preact/hooks";
import type { RuleInfo } from "../../../../wire/gen/rules_pb.ts";
import { conditionWords } from "../../../../wire/rule-words.ts";
import { SEVERITIES } from "../../../data/alert-row.ts";
import { useView } from "../../../use-view.ts";
import { usePolled } from "../../../data/polled.ts";
import { readRules } from "../../../data/rules.ts";
import { countText } from "../../../format.ts";
import { keyTitle, useKeys } from "../../../keys.ts";
import { Empty } from "../../../parts/empty.tsx";
import { Severity } from "../../../parts/status.tsx";
import { Table, type Column } from "../../../parts/table.tsx";
import { tell, tellError } from "../../../parts/tell.ts";
import { go, route, setParams } from "../../../route.ts";
import { NEW, ruleAddress } from "../../../data/rule-address.ts";
import { filteredRules, RULE_STATES, severitiesOf, stateOfRule, type RuleFilter } from "./rule-filter.ts";
import { pauseRule } from "./save-rule.ts";
import { Alerts } from "../../../../wire/gen/alerts_pb.ts";
import { may } from "../../../who.ts";

const READ_EVERY_MS = 5_000;
/** So many take a while, of the server, too. */
const [MANY, MANY_EVERY_MS] = [5_000, 60_000];
const FILTERS = ["q", "severity", "state", "origin"] as const;
const STATE_WORDS: Readonly<Record<string, string>> = {
  unknown: "firing, but silent",
  unbound: "no series",
  trouble: "trouble",
};

export function RuleList() {
  const [everyMs, setEveryMs] = useState(READ_EVERY_MS);
  const { value, failure, refresh } = usePolled(readRules, { everyMs });
  useEffect(() => {
    if ((value?.rules.length ?? 0) > MANY) setEveryMs(MANY_EVERY_MS);
  }, [value]);
  const { params } = route.value;
  const [text, severity, state, origin] = FILTERS.map((name) => params.get(name) ?? "");
  const filter: RuleFilter = { text, severity, state, origin };
  const rules = value?.rules ?? [];
  const found = useMemo(() => filteredRules(rules, filter), [rules, text, severity, state, origin]);
  const columns = useMemo(() => columnsOf(refresh), []);
  useView("Rules");
  const canPut = may(Alerts.method.putRule);
  useKeys("Rules", canPut ? [{ keys: "n", label: "New rule", run: () => go(ruleAddress(NEW)) }] : []);
  return (
    <section aria-label="Rules">
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <input
          type="search"
          aria-label="Find rules"
          placeholder="find rules"
          data-hotkey="/"
          value={text}
          onInput={({ currentTarget }) => setParams({ q: currentTarget.value })}
        />
        <Choice label="Severity" name="severity" value={severity} options={SEVERITIES} />
        <Choice label="State" name="state" value={state} options={RULE_STATES} words={STATE_WORDS} />
        <Choice label="From" name="origin" value={origin} options={["file", "here"]} words={ORIGIN_WORDS} />
        <output class="dim">
          {value !== undefined && `${countText(found.length)} of ${countText(rules.length)} rules`}
        </output>
        {canPut && (
          <a class="button primary push" href={ruleAddress(NEW)} title={keyTitle("New rule", "n")}>
            New rule
          </a>
        )}
      </form>
      {failure !== "" && <p role="alert">Rules could not be read: {failure}.</p>}
      {value === undefined && failure === "" && <p role="status">Reading rules…</p>}
      {value !== undefined && rules.length === 0 && (
        <Empty title="There are no rules">
          A rule says what must not last
          {canPut && (
            <>
              : make one with <strong>New rule</strong>, or put a file of them with{" "}
              <kbd>watchpost rules apply FILE</kbd>
            </>
          )}
          .
        </Empty>
      )}
      {rules.length > 0 && found.length === 0 && (
        <Empty title="No rule is like that">
          <button type="button" onClick={() => setParams({ q: "", severity: "", state: "", origin: "" })}>
            Show all
          </button>
        </Empty>
      )}
      {found.length > 0 && (
        <Table
          label="Rules"
          columns={columns}
          rows={found}
          rowKey={({ rule }) => rule!.name}
          rowState={stateOfRule}
          sort={params.get("sort") ?? ""}
          onSort={(sort) => setParams({ sort })}
          onOpen={({ rule }) => go(ruleAddress(rule!.name))}
        />
      )}
      {rules.some(({ rule }) => rule!.fromFile) && value?.rulesFile !== "" && (
        <p class="dim">Rules “from file” stand in {value?.rulesFile} on the server and are changed there.</p>
      )}
    </section>
  );
}

const ORIGIN_WORDS: Readonly<Record<string, string>> = { file: "the file", here: "made here" };

interface ChoiceProps {
  readonly label: string;
  readonly name: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly words?: Readonly<Record<string, string>>;
}

function Choice({ label, name, value, options, words = {} }: ChoiceProps) {
  return (
    <label>
      {label}{" "}
      <select value={value} onChange={({ currentTarget }) => setParams({ [name]: currentTarget.value })}>
        <option value="">any</option>
        {options.map((each) => (
          <option key={each} value={each}>
            {words[each] ?? each}
          </option>
        ))}
      </select>
    </label>
  );
}

function columnsOf(refresh: () => void): Column<RuleInfo>[] {
  const rank = (info: RuleInfo) => Math.min(...severitiesOf(info).map((each) => SEVERITIES.indexOf(each)));
  const count = (name: "firing" | "pending" | "stale" | "series", label: string, title: string): Column<RuleInfo> => ({
    ...{ name, label, title, isNumber: true },
    cell: (info) => (info[name] === 0n ? <span class="dim">0</span> : <b>{countText(info[name])}</b>),
    sortKey: (info) => Number(info[name]),
  });
  return [
    {
      ...{ name: "name", label: "Name" },
      cell: ({ rule }) => (
        <>
          <a href={ruleAddress(rule!.name)}>{rule!.name}</a>
          <span class="rules-under">
            {rule!.metric} {conditionWords(rule!)}
          </span>
        </>
      ),
      sortKey: ({ rule }) => rule!.name,
    },
    {
      ...{ name: "severity", label: "Severity" },
      cell: (info) => {
        const severities = severitiesOf(info);
        return (
          <>
            {severities.length > 1 && <span class="dim">up to </span>}
            <Severity severity={severities.at(-1)!} />
          </>
        );
      },
      sortKey: rank,
    },
    {
      ...{ name: "metric", label: "Metric" },
      cell: ({ rule }) => rule!.metric || <span class="dim">–</span>,
      sortKey: ({ rule }) => rule!.metric,
      isMinor: true,
    },
    { name: "condition", label: "Fires when", cell: ({ rule }) => conditionWords(rule!), isMinor: true },
    count("firing", "Firing", "Alerts that fire"),
    { ...count("pending", "Pending", "The condition is met, and its hold runs"), isMinor: true },
    { ...count("stale", "Unknown", "Firing, but their series have fallen silent"), isMinor: true },
    { ...count("series", "Series", "Series it is bound to now"), isMinor: true },
    { name: "state", label: "", cell: (info) => <Notes info={info} refresh={refresh} /> },
  ];
}

function Notes({ info, refresh }: { info: RuleInfo; refresh(): void }) {
  const { rule, trouble, series } = info;
  const [isBusy, setBusy] = useState(false);
  const { name, disabled, fromFile } = rule!;
  const pause = async () => {
    setBusy(true);
    try {
      const saved = await pauseRule(name, !disabled);
      if (saved !== undefined)
        tell(disabled ? `${name} is evaluated again` : `${name} is paused: it is kept and not evaluated`);
    } catch (error) {
      tellError(error, `${name} was not changed`);
    }
    setBusy(false);
    refresh();
  };
  return (
    <span class="rules-notes">
      {trouble !== "" && <span class="field-error">{trouble}</span>}
      {stateOfRule(info) === "unbound" && <span title={`${series} series`}>no series matches</span>}
      {fromFile && <span class="chip">from file</span>}
      {disabled && <span class="chip">paused</span>}
      {!fromFile && may(Alerts.method.putRule) && (
        <button
          type="button"
          class="quiet"
          aria-disabled={isBusy}
          aria-label={`${disabled ? "Resume" : "Pause"} ${name}`}
          onClick={() => !isBusy && void pause()}
        >
          {disabled ? "Resume" : "Pause"}
        </button>
      )}
    </span>
  );
}
