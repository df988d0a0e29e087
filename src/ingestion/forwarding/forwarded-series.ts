/** The series of one stream of a node that forwards: its ids to those of this node. */
import { OTHER_SOURCES } from "../../model/limits.ts";
import { fromBinary } from "@bufbuild/protobuf";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import { sourceOfKey } from "../../model/series-key.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type { SaidPlace } from "../../model/series-scopes.ts";
import type { SeriesResolver } from "../../wire/decoded-batch.ts";
import { ForwardedSeriesSchema } from "../../wire/gen/forwarding_pb.ts";
import { saidPlace, type LimitedSender } from "../limited-sender.ts";
import { refusalOfSeries, refusalOfSource } from "../resolve-series.ts";
import { RefusedSeries, type Refusal } from "./refused-series.ts";

export interface FoundSeries {
  /** 0: there is none, `reason` says why. */
  readonly id: number;
  /** Under which its points are counted. */
  readonly source: string;
  readonly reason: string;
}

/** What names of series need. */
export type NamesRegistry = Pick<SeriesRegistry, "has" | "hasRoomFor" | "keyOf" | "identityOf">;

export interface NamesDeps {
  readonly resolve: SeriesResolver;
  readonly registry: NamesRegistry;
  /** undefined: it may send all there are. */
  readonly sender: LimitedSender | undefined;
}

const SERIES_MAX = 1_000_000;
const ROOM = "there were too many; there is room for it now";
const MOVED = "it was out of scope; its device has moved, and it is in scope now";
/** What the table takes for each, refused or not. */
export const NAMED_BYTES = 64;

export class ForwardedSeriesTable {
  /** undefined: it may send all there are. */
  readonly sender: LimitedSender | undefined;
  readonly #resolve: SeriesResolver;
  readonly #registry: NamesRegistry;
  /** Here, or as {@link RefusedSeries} calls why there is none. */
  readonly #ids = new Map<number, number>();
  readonly #refused: RefusedSeries;

  /** `hasRoom`: whether there is so much memory for reasons, which then is taken. */
  constructor({ resolve, registry, sender }: NamesDeps, hasRoom: (bytes: number) => boolean) {
    this.#resolve = sender?.resolve ?? resolve;
    this.#registry = registry;
    this.sender = sender;
    this.#refused = new RefusedSeries(hasRoom);
  }

  /** About what it takes, without reasons. */
  get bytes(): number {
    return this.#ids.size * NAMED_BYTES;
  }

  /**
   * Makes the series known here where it may be and is not, so that no more than its id need be kept. Throws
   * INVALID_ARGUMENT for what is none, RESOURCE_EXHAUSTED where the stream has named a million.
   */
  name(encoded: Uint8Array): void {
    const { id, metricName: metric, source, tags: byKey } = decoded(encoded);
    if (this.#ids.size >= SERIES_MAX && !this.#ids.has(id)) {
      const message = `the stream names more than ${SERIES_MAX} series; connect again to go on with others`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message);
    }
    const tags = Object.entries(byKey);
    const refusal = refusalOfSeries(metric, source, tags);
    const found = refusal ?? this.#resolve(metric, source, tags);
    if (typeof found === "number") return void this.#ids.set(id, found);
    const counted = refusalOfSource(source) === undefined ? source : OTHER_SOURCES;
    const over = refusal === undefined && this.#overOf(found, saidPlace(source, tags));
    this.#ids.set(id, this.#refused.codeOf({ source: counted, reason: found, ...over }));
  }

  /**
   * Makes the series known where it was deleted. Throws INVALID_ARGUMENT for one that was not named, ABORTED for one whose
   * name is not kept and is needed: it was deleted too long ago, or was refused since there was no room or it was out of scope, and
   * it is not so any more.
   */
  find(foreignId: number): FoundSeries {
    const id = this.#ids.get(foreignId);
    if (id === undefined) {
      throw new WatchpostError("INVALID_ARGUMENT", `series ${foreignId} is in a block and was not named in the stream`);
    }
    if (id <= 0) return { id: 0, ...this.#stillRefused(id) };
    if (this.#registry.has(id)) return { id, source: sourceOfKey(this.#registry.keyOf(id)), reason: "" };
    const { metric, source, tags } = this.#registry.identityOf(id);
    const found = this.#resolve(metric, source, tags);
    if (typeof found === "string") return { id: 0, source, reason: found };
    this.#ids.set(foreignId, found);
    return { id: found, source, reason: "" };
  }

  #stillRefused(code: number): Refusal {
    const refusal = this.#refused.of(code);
    const over = refusal.over?.();
    if (over === undefined) return refusal;
    const message = `a series of source ${JSON.stringify(refusal.source)} was refused, since ${over}: connect again, and name it`;
    throw new WatchpostError("ABORTED", message);
  }

  #overOf(reason: string, place: SaidPlace): Pick<Refusal, "over" | "overLength"> {
    const { sender } = this;
    const { source, device = "", site = "" } = place;
    if (sender?.isRefusal(reason)) {
      return { over: () => (sender.takes(place) ? MOVED : undefined), overLength: device.length + site.length };
    }
    return { over: () => (this.#registry.hasRoomFor(source) ? ROOM : undefined) };
  }
}

function decoded(encoded: Uint8Array) {
  try {
    return fromBinary(ForwardedSeriesSchema, encoded, { readUnknownFields: false });
  } catch (error) {
    throw new WatchpostError("INVALID_ARGUMENT", `series has one that is no ForwardedSeries: ${messageOf(error)}`);
  }
}
