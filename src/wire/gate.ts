/** Whoever decides which calls are taken, and as whom: asked by the transports before a method or route runs. */
import type { WatchpostError } from "../model/errors.ts";
import type { PeerCertificate } from "../model/peer-certificate.ts";
import type { Allowance } from "./allowance.ts";
import type { Principal } from "./service.ts";

/** What a call says of who makes it. */
export interface Caller {
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  /** Address of the client. */
  readonly peer: string;
  /** Of the connection, verified; undefined: none was shown, or the platform does not tell. */
  readonly certificate?: PeerCertificate;
}

/** A call that is taken. */
export interface Admission {
  readonly principal: Principal;
  /** Left out: as much as it likes. */
  readonly allowance?: Allowance;
  /** Address of whoever another node calls for; left out: that of the caller. */
  readonly peer?: string;
  /** While the call goes on: `cut` is called once, when what it was taken for is withdrawn or runs out. Returns what ends that. */
  hold(cut: (why: WatchpostError) => void): () => void;
}

export interface Gate {
  /**
   * `name`: "package.Service/Method", or the name of a route. Throws UNAUTHENTICATED where it is not known who calls, PERMISSION_DENIED
   * where the role does not suffice, RESOURCE_EXHAUSTED where they call too often.
   */
  admit(name: string, caller: Caller): Admission | Promise<Admission>;
}

/** For pages, which offer no more than that. */
export interface PageGate extends Gate {
  /** Names of what a principal may call, as {@link Gate.admit} takes them. */
  callableBy(principal: Principal): readonly string[];
}
