/** Servers of tests that ask nobody who they are nor by which name they are called. */
import type { PageGate } from "../../src/wire/gate.ts";
import { ANONYMOUS } from "../../src/wire/service.ts";

export const openGate: PageGate = {
  admit: () => ({ principal: ANONYMOUS, hold: () => () => {} }),
  callableBy: () => [],
};

/** What a web server needs to be told of who may reach it. */
export const OPEN = { gate: openGate, hosts: [], hostname: "localhost", asksWho: () => true } as const;
