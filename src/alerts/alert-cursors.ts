/** Cursors of streams of alerts. Those of a reader with a scope hold for that scope, and for as long as alerts stay where they are. */
import type { Scope } from "../model/access.ts";
import { WatchpostError } from "../model/errors.ts";
import { fixedHash } from "./fixed-hash.ts";
import type { MovedAlerts } from "./moved-alerts.ts";

export interface PlainCursors {
  cursorOf(position: number): string;
  /** Throws OUT_OF_RANGE where nobody can go on from it, INVALID_ARGUMENT where it is none. */
  positionOf(cursor: string): number;
}

/** In no cursor of the journal. */
const SEPARATOR = ".";

/** As one reader has them. */
export class AlertCursors implements PlainCursors {
  readonly #plain: PlainCursors;
  readonly #scope: Scope;
  readonly #moved: Pick<MovedAlerts, "version" | "isSettled">;
  #mark: string;

  constructor(plain: PlainCursors, scope: Scope, moved: Pick<MovedAlerts, "version" | "isSettled">) {
    this.#plain = plain;
    this.#scope = scope;
    this.#moved = moved;
    this.#mark = markOf(scope, moved.version);
  }

  /** The reader has been told what has moved. */
  renew(version: string): void {
    this.#mark = markOf(this.#scope, version);
  }

  cursorOf(position: number): string {
    return this.#plain.cursorOf(position) + this.#mark;
  }

  positionOf(cursor: string): number {
    const at = cursor.indexOf(SEPARATOR);
    const [plain, mark] = at < 0 ? [cursor, ""] : [cursor.slice(0, at), cursor.slice(at)];
    const position = this.#plain.positionOf(plain);
    const { version, isSettled } = this.#moved;
    if (mark === markOf(this.#scope, version) && (mark === "" || isSettled)) return position;
    const why =
      "it is of another scope, or since then alerts have come into yours or left it, or the server was started";
    throw new WatchpostError("OUT_OF_RANGE", `cursor cannot be gone on from: ${why}; subscribe again without it`);
  }
}

/** "": of one that sees everything. */
function markOf({ isEverything, key }: Scope, version: string): string {
  return isEverything ? "" : SEPARATOR + fixedHash(`${key}\0${version}`);
}
