import { useEffect, useState } from "preact/hooks";
import type { Rule } from "../../../../wire/gen/rules_pb.ts";
import { errorText } from "../../../errors.ts";
import { lookingAt } from "../../../looking-at.ts";
import { confirm } from "../../../parts/dialog.tsx";
import { tell } from "../../../parts/tell.ts";
import { go, pathTo } from "../../../route.ts";
import { useBacktest } from "./backtest.ts";
import { backtestWords } from "./backtest-words.ts";
import { atLimit, textsOfKind, withLimit } from "./condition-form.ts";
import { specOf } from "./condition-kinds.ts";
import { PreviewPanel } from "./preview-panel.tsx";
import { problemsOf, type Problem } from "../problems.ts";
import { NEW, ruleAddress } from "../../../data/rule-address.ts";
import { draftOf, isTestable, keepDraft, keptDraft, ruleOfDraft, type RuleDraft } from "./rule-draft.ts";
import { isSame, type EditedRule } from "./rule-editor.tsx";
import { RuleFields } from "./rule-fields.tsx";
import { deleteRule, saveRule } from "./save-rule.ts";
import { useTestedMs } from "./use-tested-ms.ts";
import { Alerts } from "../../../../wire/gen/alerts_pb.ts";
import { may, roleText } from "../../../who.ts";

interface RuleEditingProps {
  /** Undefined: it is new. */
  readonly name: string | undefined;
  /** What is edited, as it was when the page was opened. */
  readonly opened: Rule;
  readonly known: EditedRule;
}

export function RuleEditing({ name, opened, known }: RuleEditingProps) {
  const key = name ?? "";
  const [draft, setDraft] = useState<RuleDraft>(() => keptDraft(key)?.draft ?? draftOf(opened));
  /** As it was when the draft was begun, which may have been long before. */
  const [begun, setBegun] = useState<Rule>(() => keptDraft(key)?.begun ?? opened);
  const [isKept, setKept] = useState(() => keptDraft(key) !== undefined);
  const [refused, setRefused] = useState<readonly Problem[]>([]);
  const [failure, setFailure] = useState("");
  const [isSaving, setSaving] = useState(false);
  /** Somebody wanted to save it as it is. */
  const [isTried, setTried] = useState(false);
  const [unit, setUnit] = useState("");
  const { rule, problems: wrong } = ruleOfDraft(draft);
  const isRenamed = name !== undefined && rule !== undefined && rule.name !== name;
  const own = isRenamed ? [...wrong, { field: "rule.name", text: `rule.name has to stay ${name}: copy it` }] : wrong;
  const isTested = rule !== undefined && own.length === 0 && isTestable(rule);
  const lastMs = useTestedMs(rule);
  const backtest = useBacktest(isTested ? rule : undefined, lastMs);
  const { fromFile } = opened;
  const canPut = may(Alerts.method.putRule);
  const isKeepable = canPut && !fromFile;
  const problems = [
    ...own,
    ...refused,
    ...backtest.problems.filter((each) => refused.every((r) => r.field !== each.field)),
  ];

  const change = (changed: RuleDraft) => {
    setDraft(changed);
    setTried(false);
    setRefused([]);
    setFailure("");
    setKept(false);
    if (isKeepable) keepDraft(key, { draft: changed, begun });
  };
  const throwAway = () => {
    keepDraft(key, undefined);
    setDraft(draftOf(opened));
    setBegun(opened);
    setKept(false);
    setRefused([]);
  };
  useEffect(() => {
    if (keptDraft(key) === undefined) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [draft]);

  useEffect(() => {
    const metrics = rule === undefined || rule.metric === "" ? [] : [rule.metric];
    lookingAt.value = { view: name === undefined ? "a new rule" : `rule ${name}`, metrics, devices: [] };
  }, [name, rule?.metric]);

  const save = async () => {
    if (!isKeepable) return;
    setTried(true);
    if (isSaving || rule === undefined || own.length > 0) return;
    setSaving(true);
    try {
      const saved = await saveRule(rule, name === undefined ? undefined : begun);
      if (saved !== undefined) {
        keepDraft(key, undefined);
        tell(`${rule.name} is in force: bound to ${saved.series.toLocaleString()} series`);
        go(pathTo("alerts", "rules"));
      }
    } catch (error) {
      const violations = problemsOf(error).map(atLimit);
      setRefused(violations);
      setFailure(violations.length > 0 ? "" : errorText(error));
    }
    setSaving(false);
  };
  const remove = async () => {
    const firing = known.info?.firing ?? 0n;
    const text =
      firing > 0n ? `Its alerts that fire end with it: ${firing.toLocaleString()}.` : "None of its alerts fires.";
    if (!(await confirm({ title: `Delete ${opened.name}?`, text, action: "Delete", isDangerous: true }))) return;
    if (!(await deleteRule(opened.name))) return;
    keepDraft(key, undefined);
    go(pathTo("alerts", "rules"));
  };

  return (
    <form
      class="rules-editor"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <div class="form">
        {isKept && (
          <p class="alerts-note">
            What you had changed before is still here.
            {name !== undefined && !isSame(begun, opened) && " Somebody has saved the rule since."}{" "}
            <button type="button" onClick={throwAway}>
              Throw it away
            </button>
          </p>
        )}
        {fromFile && (
          <p class="alerts-note">
            This rule comes from <strong>{known.rulesFile || "the rules file"}</strong> on the server and is changed
            there; it is read again within two seconds. You can try changes here
            {canPut && (
              <>
                , and <a href={`${ruleAddress(NEW)}?copy=${encodeURIComponent(opened.name)}`}>make a copy</a> of it
              </>
            )}
            .
          </p>
        )}
        {!canPut && !fromFile && roleText.value !== "" && (
          <p class="alerts-note">
            You can try changes here and see when it would have fired, but not save them: you are {roleText.value}.
          </p>
        )}
        {known.info?.trouble && name !== undefined && <p class="field-error">{known.info.trouble}</p>}
        <RuleFields
          {...{ draft, problems, unit }}
          isNamed={name !== undefined}
          escalations={known.escalations}
          onChange={change}
        />
        {failure !== "" && <p role="alert">It was not saved: {failure}</p>}
        <Refusals problems={isTried ? [...own, ...refused] : refused} />
        {backtest.result !== undefined && (
          <p class="rules-verdict-below dim">It {backtestWords(backtest.result, backtest.range)}: see below.</p>
        )}
        <div class="actions">
          {name !== undefined && !fromFile && may(Alerts.method.deleteRule) && (
            <button type="button" class="danger" onClick={() => void remove()}>
              Delete
            </button>
          )}
          {name !== undefined && canPut && (
            <a class="button" href={`${ruleAddress(NEW)}?copy=${encodeURIComponent(name)}`}>
              Copy
            </a>
          )}
          <a class="button push" href={pathTo("alerts", "rules")}>
            {isKeepable ? "Cancel" : "Back"}
          </a>
          {isKeepable && (
            <button type="submit" class="primary" aria-disabled={isSaving}>
              {name === undefined ? "Create rule" : "Save"}
            </button>
          )}
        </div>
      </div>
      <PreviewPanel {...{ rule, isTested, backtest, lastMs }} onUnit={setUnit} {...limitOf(draft, change)} />
    </form>
  );
}

/** What drags the limit, where there is one alone. */
function limitOf(draft: RuleDraft, change: (draft: RuleDraft) => void): { onLimit?(value: number): void } {
  if (draft.kind !== "form" || specOf(draft.form.kind).limit === undefined) return {};
  const { form } = draft;
  return {
    onLimit(value) {
      const texts = { ...form.texts, [form.kind]: withLimit(textsOfKind(form), String(value)) };
      change({ kind: "form", form: { ...form, texts } });
    },
  };
}

/** What kept it from being saved, in whole sentences; in the form it is marked at the fields, too. */
function Refusals({ problems }: { problems: readonly Problem[] }) {
  if (problems.length === 0) return null;
  return (
    <div role="alert">
      It was not saved:
      <ul>
        {problems.map(({ field, text }) => (
          <li key={field + text}>{text}</li>
        ))}
      </ul>
    </div>
  );
}
