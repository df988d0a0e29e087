import { toJson } from "@bufbuild/protobuf";
import { AlertSchema, type Alert } from "../wire/gen/alerts_pb.ts";

/** A line: the message as JSON, as over HTTP. */
export function alertJson(alert: Alert): string {
  return `${JSON.stringify(toJson(AlertSchema, alert))}\n`;
}
