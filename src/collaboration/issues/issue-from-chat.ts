/**
 * What a member means who sends a message of type issue: without a number in its metadata a new issue, with one a comment or
 * changes of that. Pure.
 */
import { create } from "@bufbuild/protobuf";
import { invalidField } from "../../model/errors.ts";
import {
  CreateIssueRequestSchema,
  UpdateIssueRequestSchema,
  type CreateIssueRequest,
  type UpdateIssueRequest,
} from "../../wire/gen/issues_pb.ts";
import type { Draft } from "../session-message.ts";
import { numberIn } from "./issue-input.ts";
import { statusOfWord, statusWord, STATUSES } from "./issue-words.ts";

export type Meant =
  | { readonly kind: "create"; readonly request: CreateIssueRequest }
  | { readonly kind: "update"; readonly request: UpdateIssueRequest };

/** Metadata that says something of issues: number, revision, status, priority, assignee, labels, alert_id, device. */
export function meantBy({ text, metadata }: Draft): Meant {
  const { number = "", status, priority, assignee } = metadata;
  const labels = (metadata["labels"] ?? "").split(",").filter((label) => label.trim() !== "");
  const links = { alertIds: listOf(metadata["alert_id"]), devices: listOf(metadata["device"]) };
  if (number === "") {
    if (status !== undefined)
      throw invalidField("metadata.status", status, "none without a number: a new issue is open");
    const { title, description } = titled(text);
    const request = { title, description, priority: priority ?? "", assignee: assignee ?? "", labels, links };
    return { kind: "create", request: create(CreateIssueRequestSchema, request) };
  }
  const request = create(UpdateIssueRequestSchema, {
    number: numberIn(wholeOf(number, "metadata.number"), "metadata.number"),
    revision: wholeOf(metadata["revision"] ?? "0", "metadata.revision"),
    comment: text,
    addLabels: labels,
    addLinks: links,
    ...(status === undefined ? {} : { status: statusIn(status) }),
    ...(priority === undefined ? {} : { priority }),
    ...(assignee === undefined ? {} : { assignee }),
  });
  const isEmpty = text.trim() === "" && [status, priority, assignee].every((given) => given === undefined);
  if (isEmpty && labels.length === 0 && links.alertIds.length === 0 && links.devices.length === 0) {
    throw invalidField(
      "message",
      text,
      "a comment, or a status, priority, assignee, labels, alert_id or device in metadata",
    );
  }
  return { kind: "update", request };
}

function titled(text: string): { readonly title: string; readonly description: string } {
  const [title, ...rest] = text.trim().split(/\r\n|[\n\r\u2028\u2029]/);
  return { title: title.trim(), description: rest.join("\n").trim() };
}

function listOf(name: string | undefined): string[] {
  return name === undefined || name === "" ? [] : [name];
}

function wholeOf(text: string, field: string): bigint {
  const [, digits] = /^#?(\d{1,16})$/.exec(text.trim()) ?? [];
  if (digits === undefined) throw invalidField(field, text, "a whole number");
  return BigInt(digits);
}

function statusIn(word: string) {
  const status = statusOfWord(word);
  if (status === undefined) throw invalidField("metadata.status", word, STATUSES.map(statusWord).join(", "));
  return status;
}
