import type { DashboardVariable } from "../../../wire/gen/saved_dashboards_pb.ts";
import { suggestValues } from "../../data/suggestions.ts";
import { Suggest } from "../../parts/suggest.tsx";
import { setParams } from "../../route.ts";
import { filtersOfOthers, paramOf, type Choices } from "./variables.ts";

interface VariableBarProps {
  readonly variables: readonly DashboardVariable[];
  readonly choices: Choices;
}

/** What is chosen above the panels: it stands in the address. */
export function VariableBar({ variables, choices }: VariableBarProps) {
  return (
    <>
      {variables.map((variable) => (
        <Suggest
          key={variable.name}
          label={variable.label || variable.name}
          value={choices[variable.name]}
          placeholder="all"
          size={14}
          onChange={(value) => setParams(paramOf(variable, value))}
          suggest={(typed, options) =>
            suggestValues(
              variable.tag,
              typed,
              { metric: "", filters: filtersOfOthers(variables, choices, variable.name) },
              options,
            )
          }
        />
      ))}
    </>
  );
}
