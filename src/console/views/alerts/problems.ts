/** What is wrong with what a form holds, at the field it is about. */
import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema } from "../../../wire/gen/google/rpc/error_details_pb.ts";

export interface Problem {
  /** As the server names it: "rule.condition.threshold.above". */
  readonly field: string;
  /** The whole sentence. */
  readonly text: string;
}

/** Those that an error of the server tells of; none: it is not about fields. */
export function problemsOf(error: unknown): Problem[] {
  const details = ConnectError.from(error).findDetails(BadRequestSchema);
  return details.flatMap(({ fieldViolations }) =>
    fieldViolations.map(({ field, description }) => ({ field, text: description })),
  );
}

/** What to say at a field of what is wrong with it, or, `isBelow`, with a part of it; "" where nothing is. */
export function problemAt(problems: readonly Problem[], field: string, isBelow = false): string {
  const isAbout = (each: Problem) =>
    each.field === field || (isBelow && (each.field.startsWith(`${field}.`) || each.field.startsWith(`${field}[`)));
  return problems
    .filter(isAbout)
    .map((each) => shortText(each))
    .join("; ");
}

/** Without the name of the field: it stands there. */
export function shortText({ field, text }: Problem): string {
  const rest = text.startsWith(`${field} `) ? text.slice(field.length + 1) : text.replace(`${field}: `, "");
  const wanted = /^is .*?; (.*)$/s.exec(rest)?.[1] ?? rest;
  return wanted.slice(0, 1).toUpperCase() + wanted.slice(1);
}
