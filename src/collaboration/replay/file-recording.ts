/** The recording of an imported session. Each question reads the file anew: only what it asks for is in memory. */
import type { Silence } from "../../wire/gen/alerts_pb.ts";
import type { Annotation } from "../../wire/gen/annotations_pb.ts";
import type { CollaborationMessage, Session } from "../../wire/gen/collaboration_pb.ts";
import type { Issue } from "../../wire/gen/issues_pb.ts";
import type { ReplayAlert } from "../../wire/gen/replay_pb.ts";
import { readSessionFile, type FileLine } from "./read-session-file.ts";
import { LINE_KINDS, type LineKind } from "./session-file.ts";
import { secondsOf } from "./stored-points.ts";
import { shownAsKnown, shownAsSeen, Stands, type ArrivedPoints, type ShownPoints } from "./points.ts";
import type { Heard, Recording, Standing, TimeRange, View } from "./recording.ts";
import { rangeOf, type Wanted } from "./stored-recording.ts";

/** The file, from its beginning. */
export type ReadPieces = () => AsyncIterable<Uint8Array>;

/** Points by event time that are in memory together; each part of so many is another reading of the file. */
const ROWS_MAX = 500_000;

/** `session`: as it is called here. Throws as {@link readSessionFile}, and INVALID_ARGUMENT where the range is empty. */
export async function openFileRecording(session: Session, wanted: Wanted, read: ReadPieces): Promise<FileRecording> {
  const seriesKeys: string[] = [];
  const standings = new Map<View, Standing>();
  let held: TimeRange = { fromUs: 0, toUs: 0 };
  let missing: readonly string[] = [];
  let was = "";
  let [firstMs, lastMs] = [Infinity, -Infinity];
  for await (const line of linesThrough("message", read)) {
    if (line.kind === "header") [held, missing, was] = [line.range, line.missing, line.session.id];
    if (line.kind === "series") seriesKeys.push(line.key);
    if (line.kind === "standing") standings.set(line.view, line.standing);
    if (line.kind === "message") [firstMs, lastMs] = [Math.min(firstMs, line.atMs), line.atMs];
  }
  const fromUs = Math.min(firstMs * 1_000, held.fromUs);
  const bounds = firstMs === Infinity ? held : { fromUs, toUs: lastMs * 1_000 + 1_000 };
  const range = rangeOf(wanted, bounds);
  const isWithout = wanted.metrics.length === 1 && wanted.metrics[0] === "-";
  return new FileRecording(session, was, range, held, isWithout ? [] : seriesKeys, standings, missing, read);
}

export class FileRecording implements Recording {
  readonly session: Session;
  /** The session's id in the file. */
  readonly was: string;
  readonly range: TimeRange;
  readonly seriesKeys: readonly string[];
  readonly missing: Set<string>;
  readonly #held: TimeRange;
  readonly #standings: ReadonlyMap<View, Standing>;
  readonly #read: ReadPieces;

  constructor(
    session: Session,
    was: string,
    range: TimeRange,
    held: TimeRange,
    seriesKeys: readonly string[],
    standings: ReadonlyMap<View, Standing>,
    missing: readonly string[],
    read: ReadPieces,
  ) {
    this.session = session;
    this.was = was;
    this.range = range;
    this.seriesKeys = seriesKeys;
    this.#held = held;
    this.#standings = standings;
    this.#read = read;
    this.missing = new Set(missing);
    const isWithin = range.fromUs >= held.fromUs && range.toUs <= held.toUs;
    if (!isWithin) this.missing.add("the file holds alerts and points of a part of the range");
  }

  async *messages({ fromUs, toUs }: TimeRange): AsyncGenerator<Heard<CollaborationMessage>> {
    for await (const line of linesThrough("message", this.#read)) {
      if (line.kind !== "message" || line.atMs * 1_000 < fromUs) continue;
      if (line.atMs * 1_000 >= toUs) return;
      yield { atMs: line.atMs, what: { ...line.what, sessionId: this.session.id } };
    }
  }

  async *alerts({ fromUs, toUs }: TimeRange): AsyncGenerator<Heard<ReplayAlert>> {
    for await (const line of linesThrough("alert", this.#read)) {
      if (line.kind !== "alert" || line.atMs * 1_000 < fromUs) continue;
      if (line.atMs * 1_000 >= toUs) return;
      yield { atMs: line.atMs, what: line.what };
    }
  }

  async *points(view: View, range: TimeRange): AsyncGenerator<ShownPoints> {
    if (this.seriesKeys.length === 0) return;
    if (view === "as_known_now") return yield* this.#known(range);
    const { fromS } = secondsOf(range);
    // What came before the range stands at its beginning; what the file has of before it was exported stands already.
    const standing = await this.standing(view, range);
    yield* shownAsSeen(arrivedSince(this.#writes(), fromS), standing, range);
  }

  async standing(view: View, { fromUs }: TimeRange): Promise<Standing> {
    const stands = new Stands(this.#standings.get(view) ?? this.#nothing());
    const [{ fromS: heldFromS }, { fromS }] = [secondsOf(this.#held), secondsOf({ fromUs, toUs: fromUs })];
    for await (const { slots, timesUs, values, arrivalsS } of this.#writes()) {
      for (let i = 0; i < slots.length; i++) {
        const isBefore =
          view === "as_seen"
            ? arrivalsS[i] >= heldFromS && arrivalsS[i] < fromS
            : timesUs[i] >= this.#held.fromUs && timesUs[i] < fromUs;
        if (isBefore) stands.take(slots[i], timesUs[i], values[i]);
      }
    }
    return stands.standing;
  }

  writes(): AsyncIterable<ArrivedPoints> {
    return this.#writes();
  }

  async silences(): Promise<readonly Silence[]> {
    const silences: Silence[] = [];
    for await (const line of linesThrough("silence", this.#read)) {
      if (line.kind === "silence") silences.push(line.silence);
    }
    return silences;
  }

  async annotations(): Promise<readonly Annotation[]> {
    const annotations: Annotation[] = [];
    for await (const line of linesThrough("annotation", this.#read)) {
      if (line.kind === "annotation") annotations.push(line.annotation);
    }
    return annotations;
  }

  async issues(): Promise<readonly Issue[]> {
    const issues: Issue[] = [];
    for await (const line of linesThrough("issue", this.#read)) if (line.kind === "issue") issues.push(line.issue);
    return issues;
  }

  async *#writes(): AsyncGenerator<ArrivedPoints> {
    for await (const line of linesThrough("points", this.#read)) {
      if (line.kind === "points") yield line.points;
    }
  }

  async *#known(range: TimeRange): AsyncGenerator<ShownPoints> {
    yield new Stands(await this.standing("as_known_now", range)).shownAt(range.fromUs);
    for (let fromUs = range.fromUs; fromUs < range.toUs;) {
      const part = new LatestPart(fromUs, range.toUs);
      for await (const points of this.#writes()) part.take(points);
      const shown = part.finish();
      if (shown.slots.length > 0) yield shown;
      fromUs = part.toUs;
    }
  }

  #nothing(): Standing {
    const nothing = () => new Float64Array(this.seriesKeys.length).fill(NaN);
    return { timesUs: nothing(), values: nothing() };
  }
}

/** The first points by event time since a time, as many as may be in memory; the last write of each. */
class LatestPart {
  readonly #fromUs: number;
  readonly #rows = new Map<number, Map<number, number>>();
  #count = 0;
  /** Those from here on come with the next part. */
  toUs: number;

  constructor(fromUs: number, toUs: number) {
    this.#fromUs = fromUs;
    this.toUs = toUs;
  }

  take({ slots, timesUs, values }: ArrivedPoints): void {
    for (let i = 0; i < slots.length; i++) {
      const timeUs = timesUs[i];
      if (timeUs < this.#fromUs || timeUs >= this.toUs) continue;
      let bySlot = this.#rows.get(timeUs);
      if (bySlot === undefined) this.#rows.set(timeUs, (bySlot = new Map()));
      if (!bySlot.has(slots[i])) this.#count++;
      bySlot.set(slots[i], values[i]);
    }
    if (this.#count > 2 * ROWS_MAX) this.#cut();
  }

  finish(): ShownPoints {
    const rows = [...this.#rows].flatMap(([timeUs, bySlot]) =>
      [...bySlot].sort(([a], [b]) => a - b).map(([slot, value]) => ({ timeUs, slot, value })),
    );
    return shownAsKnown({
      slots: Uint32Array.from(rows, ({ slot }) => slot),
      timesUs: Float64Array.from(rows, ({ timeUs }) => timeUs),
      values: Float64Array.from(rows, ({ value }) => value),
    });
  }

  #cut(): void {
    const timesUs = Float64Array.from(this.#rows.keys()).sort();
    let kept = 0;
    for (const timeUs of timesUs) {
      const { size } = this.#rows.get(timeUs)!;
      const isWithin = timeUs < this.toUs && (kept === 0 || kept + size <= ROWS_MAX);
      if (isWithin) kept += size;
      else {
        this.toUs = Math.min(this.toUs, timeUs);
        this.#rows.delete(timeUs);
      }
    }
    this.#count = kept;
  }
}

async function* arrivedSince(parts: AsyncIterable<ArrivedPoints>, fromS: number): AsyncGenerator<ArrivedPoints> {
  for await (const part of parts) {
    const wanted = Uint32Array.from([...part.arrivalsS.keys()].filter((row) => part.arrivalsS[row] >= fromS));
    if (wanted.length === 0) continue;
    yield {
      slots: Uint32Array.from(wanted, (row) => part.slots[row]),
      timesUs: Float64Array.from(wanted, (row) => part.timesUs[row]),
      values: Float64Array.from(wanted, (row) => part.values[row]),
      arrivalsS: Float64Array.from(wanted, (row) => part.arrivalsS[row]),
    };
  }
}

/** Lines up to the last one of a kind; the rest of the file is not read. */
async function* linesThrough(kind: LineKind, read: ReadPieces): AsyncGenerator<FileLine> {
  for await (const line of readSessionFile(read())) {
    if (LINE_KINDS.indexOf(line.kind) > LINE_KINDS.indexOf(kind)) return;
    yield line;
  }
}
