/** On whose behalf a node calls another one, as it stands in a header. Pure. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { isRole, scopeOf } from "../../model/access.ts";
import { CallerRecordSchema } from "../../wire/gen/nodes_pb.ts";
import type { Principal } from "../../wire/service.ts";

export const CALLER_HEADER = "x-watchpost-caller";

export interface OtherCaller {
  readonly principal: Principal;
  /** Address of the client. */
  readonly peer: string;
}

export function callerRecord({ principal, peer }: OtherCaller): string {
  const { name, isAuthenticated, role, scope, via, expiresAtMs } = principal;
  const record = create(CallerRecordSchema, {
    ...{ name, isAuthenticated, role, via, peer },
    sources: [...scope.patterns.sources],
    devices: [...scope.patterns.devices],
    sites: [...scope.patterns.sites],
    ...(expiresAtMs === Infinity ? {} : { expiresAtMs: BigInt(Math.floor(expiresAtMs)) }),
  });
  return Buffer.from(toBinary(CallerRecordSchema, record)).toString("base64");
}

/** Inverse of {@link callerRecord}. Throws for what is none, such as a role of a later version: it is not guessed. */
export function callerOf(text: string): OtherCaller {
  const record = fromBinary(CallerRecordSchema, Buffer.from(text, "base64"));
  const { name, isAuthenticated, role, sources, devices, sites, via, expiresAtMs, peer } = record;
  if (!isRole(role)) throw new Error(`the role ${JSON.stringify(role)} is not known`);
  const scope = scopeOf({ sources, devices, sites });
  const expires = expiresAtMs === undefined ? Infinity : Number(expiresAtMs);
  return { principal: { name, isAuthenticated, role, scope, via, expiresAtMs: expires }, peer };
}
