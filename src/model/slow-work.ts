/** What takes long, and of whom: shapes that those who see it and those who tell of it share. */

export interface Asker {
  readonly principal: string;
  /** Of the client. */
  readonly address: string;
  /** "package.Service/Method". */
  readonly method: string;
  /** What was asked for, in a line, cut; "": it streams, or is bytes. */
  readonly request: string;
}

/** A live stream whose reader does not keep up, or did not. */
export interface SlowReader extends Asker {
  readonly openedAtMs: number;
  /** How long it has not taken what there is for it; 0: it has. */
  readonly behindMs: number;
  readonly behindMsMax: number;
  /** Messages that were handed to it. */
  readonly sent: number;
}

/** A call that took long, or read much. */
export interface SlowCall extends Asker {
  readonly endedAtMs: number;
  /** Without what its reader took. */
  readonly durationMs: number;
  readonly series: number;
  readonly pointsRead: number;
  /** "OK" or a gRPC status name. */
  readonly status: string;
}

/** What a call has asked of the store, counted by whoever does. */
export interface QueryCost {
  series: number;
  /** One by one; a summary that stood for many counts as one. */
  pointsRead: number;
}
