/** What a rule that is being written would have done: asked of the server while one types, the former question given up. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { useEffect, useState } from "preact/hooks";
import { create } from "@bufbuild/protobuf";
import { RuleSchema, type Rule, type TestRuleResponse } from "../../../../wire/gen/rules_pb.ts";
import { alertsApi } from "../../../api.ts";
import { errorText, isCancelled } from "../../../errors.ts";
import type { PlotRange } from "../../../charts/plot-model.ts";
import { serverNowMs } from "../../../now.ts";
import { problemsOf, type Problem } from "../problems.ts";
import { jsonOfRule } from "./rule-form.ts";

export interface Backtest {
  /** The last that was answered, and of which time. */
  readonly result: TestRuleResponse | undefined;
  readonly range: PlotRange;
  /** Something was changed since. */
  readonly isRunning: boolean;
  /** When it was. */
  readonly sinceMs: number;
  /** Why it could not be tested; "": it could, or it is a field that is wrong. */
  readonly failure: string;
  readonly problems: readonly Problem[];
}

const ASKED_AFTER_MS = 400;
const [EPISODES_MAX, TOLD_MAX] = [500, 200];
/** Stands for a name that is not typed yet. */
const UNNAMED = "new-rule";

/** `rule` undefined: nothing can be tested yet. */
export function useBacktest(rule: Rule | undefined, lastMs: number): Backtest {
  const [state, setState] = useState<Backtest>(() => ({
    ...{ result: undefined, isRunning: false, sinceMs: 0, failure: "", problems: [] },
    range: rangeOf(lastMs),
  }));
  // What a rule says of itself changes nothing of when it fires, but the answer has it.
  const key = `${lastMs} ${rule === undefined ? "" : jsonOfRule(rule)}`;
  useEffect(() => {
    if (rule === undefined) {
      setState({ result: undefined, range: rangeOf(lastMs), isRunning: false, sinceMs: 0, failure: "", problems: [] });
      return;
    }
    const over = new AbortController();
    const { signal } = over;
    setState((before) => ({ ...before, isRunning: true, sinceMs: serverNowMs() }));
    const ask = async () => {
      const range = rangeOf(lastMs);
      const [from, to] = [timestampFromMs(range.fromMs), timestampFromMs(range.toMs)];
      const tested = create(RuleSchema, { ...rule, name: rule.name || UNNAMED, fromFile: false });
      try {
        const request = { rule: tested, from, to, episodesMax: EPISODES_MAX, toldMax: TOLD_MAX };
        const result = await alertsApi.testRule(request, { signal });
        if (!signal.aborted) setState({ result, range, isRunning: false, sinceMs: 0, failure: "", problems: [] });
      } catch (error) {
        if (signal.aborted || isCancelled(error)) return;
        const problems = problemsOf(error);
        const failure = problems.length > 0 ? "" : errorText(error);
        setState((before) => ({ ...before, isRunning: false, failure, problems }));
      }
    };
    const timer = setTimeout(ask, ASKED_AFTER_MS);
    return () => {
      clearTimeout(timer);
      over.abort();
    };
  }, [key]);
  return state;
}

function rangeOf(lastMs: number): PlotRange {
  const nowMs = serverNowMs();
  return { fromMs: nowMs - lastMs, toMs: nowMs };
}
