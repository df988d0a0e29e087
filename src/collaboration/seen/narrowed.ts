/**
 * Streams of those who see a part: they end with UNAVAILABLE once what they were decided by is decided otherwise. Cursors of theirs
 * hold for as long as that cannot be: with one from before their reader gets OUT_OF_RANGE, and begins anew with what it sees now.
 */
import { WatchpostError } from "../../model/errors.ts";
import type { CallContext } from "../../wire/service.ts";
import { isOfTopics, keyOf, type Named, type SeesName } from "./named.ts";
import type { Change, Viewer, Visibility } from "./visibility.ts";

export interface PlainCursors {
  cursorOf(position: number): string;
  /** Throws OUT_OF_RANGE where nobody can go on from it, INVALID_ARGUMENT where it is none. */
  positionOf(cursor: string): number;
}

/** One who watches. */
export interface Watcher extends Viewer, PlainCursors {}

export interface NarrowedDeps {
  readonly visibility: Visibility;
  readonly cursors: PlainCursors;
}

/** With more, or more characters of them, it is not known what a change means, and any is one. */
const [NAMES_MAX, CHARS_MAX] = [10_000, 1024 * 1024];
/** In no cursor of the journal. */
const SEPARATOR = ".";

export async function* narrowed<T>(
  watch: (watcher: Watcher) => AsyncIterable<T>,
  context: Pick<CallContext, "principal" | "cut">,
  { visibility, cursors }: NarrowedDeps,
): AsyncGenerator<T, void> {
  const { principal } = context;
  const viewer = visibility.viewer(principal);
  const { scope } = principal;
  if (scope.isEverything) {
    const plain: PlainCursors = { cursorOf: (at) => cursors.cursorOf(at), positionOf: (at) => cursors.positionOf(at) };
    return yield* watch({ ...viewer, ...plain });
  }
  const changed = new WatchpostError("UNAVAILABLE", "what you see has changed; watch again");
  /** That what is seen has been looked at for. */
  let versions = visibility.versions;
  const relied = new Relied(viewer.sees, () => visibility.changed("places"));
  const isSame = async (what: Change) => {
    const now = visibility.versions;
    if (await relied.hasChanged(what)) return false;
    versions = what === "places" ? now : { ...now, places: versions.places };
    return true;
  };
  using _watching = cutOnceOther(isSame, context, visibility, changed);
  yield* watch({
    principal,
    sees: relied.sees,
    cursorOf: (position) => cursors.cursorOf(position) + SEPARATOR + visibility.markOf(scope, versions),
    positionOf(cursor) {
      const at = cursor.indexOf(SEPARATOR);
      const position = cursors.positionOf(at < 0 ? cursor : cursor.slice(0, at));
      if (at >= 0 && cursor.slice(at + 1) === visibility.markOf(scope, versions)) {
        // Of what its reader has from before nobody knows here by which names it was decided.
        relied.isUnknown = true;
        return position;
      }
      const message = "cursor cannot be gone on from: what you see may have changed since; watch again without it";
      throw new WatchpostError("OUT_OF_RANGE", message);
    },
  });
}

/** Ends a call of one who sees a part once `isSame` says no, or throws, after something has changed; until it is disposed of. */
export function cutOnceOther(
  isSame: (what: Change) => Promise<boolean>,
  { principal, cut }: Pick<CallContext, "principal" | "cut">,
  visibility: Visibility,
  error: WatchpostError,
): Disposable {
  if (principal.scope.isEverything) return { [Symbol.dispose]() {} };
  const check = async (what: Change) => {
    if (!(await isSame(what).catch(() => false))) cut?.(error);
  };
  return { [Symbol.dispose]: visibility.follow((what) => void check(what)) };
}

/** What a stream was decided by. */
class Relied {
  readonly #sees: SeesName;
  readonly #onOther: () => void;
  readonly #answers = new Map<string, { readonly named: Named; readonly isSeen: boolean }>();
  #chars = 0;
  /** Any change may be one of what was decided. */
  isUnknown = false;

  /** `onOther`: something is answered otherwise than before. */
  constructor(sees: SeesName, onOther: () => void) {
    this.#sees = sees;
    this.#onOther = onOther;
  }

  readonly sees: SeesName = (named) => {
    const answer = this.#sees(named);
    if (answer instanceof Promise) return answer.then((isSeen) => this.#note(named, isSeen));
    return this.#note(named, answer);
  };

  async hasChanged(what: Change): Promise<boolean> {
    if (this.isUnknown) return true;
    for (const { named, isSeen } of [...this.#answers.values()]) {
      if (what === "topics" && !isOfTopics(named)) continue;
      const answer = this.#sees(named);
      if ((answer instanceof Promise ? await answer : answer) !== isSeen) return true;
    }
    return false;
  }

  #note(named: Named, isSeen: boolean): boolean {
    const key = keyOf(named);
    const known = this.#answers.get(key);
    if (known !== undefined) {
      if (known.isSeen !== isSeen) this.#onOther();
    } else if (this.#answers.size < NAMES_MAX && this.#chars + key.length <= CHARS_MAX) {
      this.#answers.set(key, { named, isSeen });
      this.#chars += key.length;
    } else this.isUnknown = true;
    return isSeen;
  }
}
