/**
 * Ends connections that have grown old, so that a balancer in front of several servers can spread their streams anew. grpc-js
 * would cut streams off at an age, which clients take for a fault of the server; here they end with a status before that.
 */
import { constants, type Http2Session } from "node:http2";
import { formatRoughDurationMs } from "../model/duration.ts";
import { WatchpostError } from "../model/errors.ts";

export interface AgeLimit {
  /** Infinity: none. */
  readonly ageMsMax: number;
  /** Uniform in [0, 1). */
  random(): number;
}

/** Connections that came together do not go together: so much more or less of the age. */
const SPREAD = 0.1;
/** Calls that were under way when their client was told to send no more are taken for so long, and may end. */
const LAST_CALLS_MS = 2_000;
/** What still is open then belongs to clients that read nothing. */
const CUT_AFTER_MS = 10_000;
/** To clients: of all calls, also those that are not sent yet. */
const NO_LAST_STREAM = 2 ** 31 - 1;

export class ConnectionAges<Call> {
  readonly #limit: AgeLimit;
  readonly #end: (calls: Iterable<Call>, reason: WatchpostError) => void;
  readonly #calls = new WeakMap<Http2Session, Set<Call>>();

  /** `end` ends calls as a server does that is shutting down. */
  constructor(limit: AgeLimit, end: (calls: Iterable<Call>, reason: WatchpostError) => void) {
    [this.#limit, this.#end] = [limit, end];
  }

  /** A call has begun; a connection's age counts from its first one. Returns what says that the call is over. */
  began(session: Http2Session | undefined, call: Call): (() => void) | undefined {
    if (session === undefined || this.#limit.ageMsMax === Infinity) return undefined;
    let calls = this.#calls.get(session);
    if (calls === undefined) this.#calls.set(session, (calls = this.#watch(session)));
    calls.add(call);
    return () => void calls.delete(call);
  }

  #watch(session: Http2Session): Set<Call> {
    const calls = new Set<Call>();
    const { ageMsMax, random } = this.#limit;
    let timer = setTimeout(grown.bind(this), ageMsMax * (1 - SPREAD + 2 * SPREAD * random()));
    timer.unref();
    session.once("close", () => clearTimeout(timer));
    return calls;

    function grown(this: ConnectionAges<Call>): void {
      if (session.closed || session.destroyed) return;
      session.goaway(constants.NGHTTP2_NO_ERROR, NO_LAST_STREAM);
      const age = formatRoughDurationMs(ageMsMax);
      const text = `the connection is ${age} old, as old as connections get here; connect again`;
      const endAll = () => this.#end(calls, new WatchpostError("UNAVAILABLE", text));
      endAll();
      timer = setTimeout(() => {
        // Those that began since.
        endAll();
        session.close();
        timer = setTimeout(() => session.destroy(), CUT_AFTER_MS);
        timer.unref();
      }, LAST_CALLS_MS);
      timer.unref();
    }
  }
}
