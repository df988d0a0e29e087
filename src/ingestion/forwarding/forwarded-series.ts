/** The series of one stream of a node that forwards: its ids to those of this node. */
import { fromBinary } from "@bufbuild/protobuf";
import { messageOf, WatchpostError } from "../../model/errors.ts";
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

interface Named {
  id: number;
  readonly source: string;
  reason: string;
  /** Of what may be made known later, where this node has too many series now. */
  readonly unmade: Parameters<SeriesResolver> | undefined;
}

const SERIES_MAX = 1_000_000;
/** What the table takes for each. */
export const NAMED_BYTES = 150;
/** Names that are kept for later. */
const UNMADE_BYTES_MAX = 16 * 1024 * 1024;

export class ForwardedSeriesTable {
  readonly #resolve: SeriesResolver;
  readonly #registry: Pick<SeriesRegistry, "has" | "identityOf">;
  readonly #byForeignId = new Map<number, Named>();
  /** One text for all series of a source. */
  readonly #sources = new Map<string, string>();
  #unmadeBytes = 0;
  #bytes = 0;

  constructor(resolve: SeriesResolver, registry: Pick<SeriesRegistry, "has" | "identityOf">) {
    this.#resolve = resolve;
    this.#registry = registry;
  }

  /** About what it takes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Makes the series known here where it may be and is not: with no more than its id it takes a small part of what its
   * names do. Throws INVALID_ARGUMENT for what is none, RESOURCE_EXHAUSTED where the stream has named a million.
   */
  name(encoded: Uint8Array): void {
    const { id, metricName: metric, source, tags: byKey } = decoded(encoded);
    if (this.#byForeignId.size >= SERIES_MAX && !this.#byForeignId.has(id)) {
      const message = `the stream names more than ${SERIES_MAX} series; connect again to go on with others`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message);
    }
    const tags = Object.entries(byKey);
    const refusal = refusalOfSeries(metric, source, tags);
    const found = refusal ?? this.#resolve(metric, source, tags);
    const isUnmade = refusal === undefined && typeof found === "string" && this.#unmadeBytes < UNMADE_BYTES_MAX;
    if (isUnmade) this.#take(2 * encoded.length, true);
    if (!this.#byForeignId.has(id)) this.#take(NAMED_BYTES);
    this.#byForeignId.set(id, {
      ...(typeof found === "number" ? { id: found, reason: "" } : { id: 0, reason: found }),
      source: refusalOfSource(source) === undefined ? this.#sourceOf(source) : OTHER_SOURCES,
      unmade: isUnmade ? [metric, source, tags] : undefined,
    });
  }

  /** Makes the series known again where it was deleted. Throws INVALID_ARGUMENT for one that was not named. */
  find(foreignId: number): FoundSeries {
    const named = this.#byForeignId.get(foreignId);
    if (named === undefined) {
      throw new WatchpostError("INVALID_ARGUMENT", `series ${foreignId} is in a block and was not named in the stream`);
    }
    if (this.#registry.has(named.id)) return named;
    const names = named.id === 0 ? named.unmade : this.#namesOf(named.id);
    if (names === undefined) return named;
    const found = this.#resolve(...names);
    if (typeof found === "number") [named.id, named.reason] = [found, ""];
    return typeof found === "number" ? named : { id: 0, source: named.source, reason: found };
  }

  /** Also of a series that was deleted lately. */
  #namesOf(id: number): Parameters<SeriesResolver> {
    const { metric, source, tags } = this.#registry.identityOf(id);
    return [metric, source, tags];
  }

  #sourceOf(source: string): string {
    const known = this.#sources.get(source);
    if (known !== undefined) return known;
    this.#sources.set(source, source);
    this.#take(NAMED_BYTES + 2 * source.length);
    return source;
  }

  #take(bytes: number, isUnmade = false): void {
    this.#bytes += bytes;
    if (isUnmade) this.#unmadeBytes += bytes;
  }
}

function decoded(encoded: Uint8Array) {
  try {
    return fromBinary(ForwardedSeriesSchema, encoded, { readUnknownFields: false });
  } catch (error) {
    throw new WatchpostError("INVALID_ARGUMENT", `series has one that is no ForwardedSeries: ${messageOf(error)}`);
  }
}
