/** The series of one stream of a node that forwards: its ids to those of this node. */
import { fromBinary } from "@bufbuild/protobuf";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import { sourceOfKey } from "../../model/series-key.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type { SeriesResolver } from "../../wire/decoded-batch.ts";
import { ForwardedSeriesSchema } from "../../wire/gen/forwarding_pb.ts";
import { refusalOfSeries, refusalOfSource } from "../resolve-series.ts";
import { OTHER_SOURCES } from "./delivered.ts";

export interface FoundSeries {
  /** 0: there is none, `reason` says why. */
  readonly id: number;
  /** Under which its points are counted. */
  readonly source: string;
  readonly reason: string;
}

interface Refused extends FoundSeries {
  /** Of what may be made known later, where this node has too many series now. */
  readonly names: Parameters<SeriesResolver> | undefined;
}

/** What names of series need. */
export type NamesRegistry = Pick<SeriesRegistry, "has" | "keyOf" | "identityOf">;

const SERIES_MAX = 1_000_000;
/** What the table takes for each; what it takes more for those that are refused. */
export const NAMED_BYTES = 48;
const REFUSED_BYTES = 300;
/** Of those that are refused, after which no more is known of another one than that it is. */
const REFUSED_BYTES_MAX = 32 * 1024 * 1024;
const ONE_OF_MANY: Refused = {
  ...{ id: 0, source: OTHER_SOURCES, names: undefined },
  reason: "is one of too many series of a stream that are refused; each was refused for a reason of its own",
};

export class ForwardedSeriesTable {
  readonly #resolve: SeriesResolver;
  readonly #registry: NamesRegistry;
  /** 0: it is refused. */
  readonly #ids = new Map<number, number>();
  readonly #refused = new Map<number, Refused>();
  #refusedBytes = 0;

  constructor(resolve: SeriesResolver, registry: NamesRegistry) {
    this.#resolve = resolve;
    this.#registry = registry;
  }

  /** About what it takes. */
  get bytes(): number {
    return this.#ids.size * NAMED_BYTES + this.#refusedBytes;
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
    this.#ids.set(id, typeof found === "number" ? found : 0);
    if (typeof found === "number") return;
    const counted = refusalOfSource(source) === undefined ? source : OTHER_SOURCES;
    const names: Refused["names"] = refusal === undefined ? [metric, source, tags] : undefined;
    const isRoom = this.#refusedBytes < REFUSED_BYTES_MAX;
    this.#refused.set(id, isRoom ? { id: 0, source: counted, reason: found, names } : ONE_OF_MANY);
    if (isRoom) this.#refusedBytes += REFUSED_BYTES + (names === undefined ? 0 : 2 * encoded.length);
  }

  /**
   * Makes the series known where it was deleted, or is refused no more. Throws INVALID_ARGUMENT for one that was not named,
   * ABORTED for one that was deleted too long ago to tell its name.
   */
  find(foreignId: number): FoundSeries {
    const id = this.#ids.get(foreignId);
    if (id === undefined) {
      throw new WatchpostError("INVALID_ARGUMENT", `series ${foreignId} is in a block and was not named in the stream`);
    }
    if (this.#registry.has(id)) return { id, source: sourceOfKey(this.#registry.keyOf(id)), reason: "" };
    const refused = id === 0 ? this.#refused.get(foreignId)! : undefined;
    const names = refused === undefined ? this.#namesOf(id) : refused.names;
    if (names === undefined) return refused!;
    const found = this.#resolve(...names);
    const [, source] = names;
    if (typeof found === "string") return { id: 0, source, reason: found };
    this.#ids.set(foreignId, found);
    return { id: found, source, reason: "" };
  }

  #namesOf(id: number): Parameters<SeriesResolver> {
    const { metric, source, tags } = this.#registry.identityOf(id);
    return [metric, source, tags];
  }
}

function decoded(encoded: Uint8Array) {
  try {
    return fromBinary(ForwardedSeriesSchema, encoded, { readUnknownFields: false });
  } catch (error) {
    throw new WatchpostError("INVALID_ARGUMENT", `series has one that is no ForwardedSeries: ${messageOf(error)}`);
  }
}
