/** An imported recording as somebody has it who sees a part: what is in the file is at places of this server, by the names it has there. */
import type { Silence } from "../../wire/gen/alerts_pb.ts";
import type { Annotation } from "../../wire/gen/annotations_pb.ts";
import type { CollaborationMessage, Session } from "../../wire/gen/collaboration_pb.ts";
import type { Issue } from "../../wire/gen/issues_pb.ts";
import type { ReplayAlert } from "../../wire/gen/replay_pb.ts";
import { namesOfAnnotation, namesOfIssue, type SeesName } from "../seen/named.ts";
import type { FileRecording } from "./file-recording.ts";
import type { ArrivedPoints, ShownPoints } from "./points.ts";
import type { Heard, Recording, Standing, TimeRange, View } from "./recording.ts";
import { seenOf, type Sight } from "./sight.ts";

const NO_SILENCES = "silences are left out: a file does not say which alerts they held back";

export class SeenRecording implements Recording {
  readonly session: Session;
  readonly range: TimeRange;
  readonly seriesKeys: readonly string[];
  readonly missing: Set<string>;
  readonly #whole: FileRecording;
  readonly #sight: Sight;
  /** Positions of the series in the whole, and the other way round; -1: it is not seen. */
  readonly #slots: readonly number[];
  readonly #slotOf: Int32Array;

  constructor(whole: FileRecording, sight: Sight) {
    this.session = whole.session;
    this.range = whole.range;
    this.missing = new Set(whole.missing).add(NO_SILENCES);
    this.#whole = whole;
    this.#sight = sight;
    this.#slots = [...whole.seriesKeys.keys()].filter((slot) => sight.seesSeries(whole.seriesKeys[slot]));
    this.#slotOf = new Int32Array(whole.seriesKeys.length).fill(-1);
    this.#slots.forEach((slot, i) => (this.#slotOf[slot] = i));
    this.seriesKeys = this.#slots.map((slot) => whole.seriesKeys[slot]);
  }

  messages(range: TimeRange): AsyncIterable<Heard<CollaborationMessage>> {
    return this.#whole.messages(range);
  }

  async *alerts(range: TimeRange): AsyncGenerator<Heard<ReplayAlert>> {
    for await (const heard of this.#whole.alerts(range)) {
      if (this.#sight.seesAlert(heard.what.alert?.labels ?? {})) yield heard;
    }
  }

  async *points(view: View, range: TimeRange): AsyncGenerator<ShownPoints> {
    for await (const points of this.#whole.points(view, range)) {
      const rows = this.#rowsOf(points.slots);
      yield { ...this.#picked(points, rows), shownUs: Float64Array.from(rows, (row) => points.shownUs[row]) };
    }
  }

  async standing(view: View, range: TimeRange): Promise<Standing> {
    const { timesUs, values } = await this.#whole.standing(view, range);
    const picked = (column: Float64Array) => Float64Array.from(this.#slots, (slot) => column[slot]);
    return { timesUs: picked(timesUs), values: picked(values) };
  }

  async *writes(): AsyncGenerator<ArrivedPoints> {
    for await (const points of this.#whole.writes()) {
      const rows = this.#rowsOf(points.slots);
      yield { ...this.#picked(points, rows), arrivalsS: Float64Array.from(rows, (row) => points.arrivalsS[row]) };
    }
  }

  async silences(): Promise<readonly Silence[]> {
    return [];
  }

  async annotations(): Promise<readonly Annotation[]> {
    return seenOf(await this.#whole.annotations(), namesOfAnnotation, this.#seesName);
  }

  async issues(): Promise<readonly Issue[]> {
    return seenOf(await this.#whole.issues(), namesOfIssue, this.#seesName);
  }

  /** The session is the one of the file, whatever it was called there. */
  readonly #seesName: SeesName = (named) => {
    return (named.kind === "session" && named.name === this.#whole.was) || this.#sight.seesName(named);
  };

  #rowsOf(slots: Uint32Array): Uint32Array {
    return Uint32Array.from(slots.keys()).filter((row) => this.#slotOf[slots[row]] >= 0);
  }

  #picked({ slots, timesUs, values }: Omit<ArrivedPoints, "arrivalsS">, rows: Uint32Array) {
    return {
      slots: Uint32Array.from(rows, (row) => this.#slotOf[slots[row]]),
      timesUs: Float64Array.from(rows, (row) => timesUs[row]),
      values: Float64Array.from(rows, (row) => values[row]),
    };
  }
}
