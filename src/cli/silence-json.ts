import { toJson } from "@bufbuild/protobuf";
import { SilenceSchema, type Silence } from "../wire/gen/alerts_pb.ts";

/** A line: the message as JSON, as over HTTP. */
export function silenceJson(silence: Silence): string {
  return `${JSON.stringify(toJson(SilenceSchema, silence))}\n`;
}
