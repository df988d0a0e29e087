/** An edge node that does as it is told: its payloads, in order, as the specification wants them. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { DATA_TYPE } from "../../../src/edge/sparkplug/data-type.ts";
import type { HostOutput } from "../../../src/edge/sparkplug/host-output.ts";
import type { SparkplugOptions } from "../../../src/edge/sparkplug/options.ts";
import { SparkplugHost } from "../../../src/edge/sparkplug/sparkplug-host.ts";
import {
  PayloadSchema,
  type Payload_MetricSchema,
  type Payload_PropertySetSchema,
} from "../../../src/wire/gen/sparkplug/sparkplug_b_pb.ts";

export type MetricInit = MessageInitShape<typeof Payload_MetricSchema>;

export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
}

export const START_MS = Date.UTC(2026, 0, 1);

export class ScriptedNode {
  readonly group: string;
  readonly id: string;
  seq = 0;
  session = 0;
  nowMs = START_MS;

  constructor(group = "Plant", id = "edge1") {
    this.group = group;
    this.id = id;
  }

  /** A birth begins the numbers anew. */
  birth(metrics: readonly MetricInit[]): Message {
    this.seq = 0;
    const control: MetricInit[] = [
      { name: "bdSeq", datatype: DATA_TYPE.int64, value: { case: "longValue", value: BigInt(this.session) } },
      { name: "Node Control/Rebirth", datatype: DATA_TYPE.boolean, value: { case: "booleanValue", value: false } },
    ];
    return this.#message("NBIRTH", undefined, [...control, ...metrics], this.#next());
  }

  death(session = this.session): Message {
    const value = { case: "longValue", value: BigInt(session) } as const;
    return this.#message("NDEATH", undefined, [{ name: "bdSeq", datatype: DATA_TYPE.int64, value }], undefined);
  }

  data(metrics: readonly MetricInit[]): Message {
    return this.#message("NDATA", undefined, metrics, this.#next());
  }

  deviceBirth(device: string, metrics: readonly MetricInit[]): Message {
    return this.#message("DBIRTH", device, metrics, this.#next());
  }

  deviceData(device: string, metrics: readonly MetricInit[]): Message {
    return this.#message("DDATA", device, metrics, this.#next());
  }

  deviceDeath(device: string): Message {
    return this.#message("DDEATH", device, [], this.#next());
  }

  #next(): number {
    const seq = this.seq;
    this.seq = (seq + 1) % 256;
    return seq;
  }

  #message(kind: string, device: string | undefined, metrics: readonly MetricInit[], seq: number | undefined): Message {
    const topic = ["spBv1.0", this.group, kind, this.id, ...(device === undefined ? [] : [device])].join("/");
    const payload = toBinary(
      PayloadSchema,
      create(PayloadSchema, {
        timestamp: BigInt(this.nowMs),
        metrics: [...metrics],
        ...(seq === undefined ? {} : { seq: BigInt(seq) }),
      }),
    );
    return { topic, payload };
  }
}

export function double(name: string, alias: number | undefined, value: number, more: MetricInit = {}): MetricInit {
  return {
    ...(name === "" ? {} : { name, datatype: DATA_TYPE.double }),
    ...(alias === undefined ? {} : { alias: BigInt(alias) }),
    value: { case: "doubleValue", value },
    ...more,
  };
}

/** As DATA messages have it: the alias alone. */
export function aliased(alias: number, value: number, more: MetricInit = {}): MetricInit {
  return double("", alias, value, more);
}

export function texts(properties: Record<string, string>): MessageInitShape<typeof Payload_PropertySetSchema> {
  return {
    keys: Object.keys(properties),
    values: Object.values(properties).map((value) => ({
      type: DATA_TYPE.string,
      value: { case: "stringValue" as const, value },
    })),
  };
}

/** A host whose clocks stand still until they are moved. */
export class HostRig {
  readonly host: SparkplugHost;
  monotonicMs = 0;

  constructor(options: Partial<SparkplugOptions> = {}) {
    this.host = new SparkplugHost({ reorderMs: 2_000, deviceNames: "short", asksForRebirths: true, ...options });
  }

  get wallMs(): number {
    return START_MS + this.monotonicMs;
  }

  take({ topic, payload }: Message, retain = false): HostOutput {
    return this.host.handle({ topic, payload, retain, receivedMs: this.wallMs }, this.monotonicMs);
  }

  advance(ms: number): HostOutput {
    this.monotonicMs += ms;
    return this.host.tick(this.wallMs, this.monotonicMs);
  }
}

/** metric@device=value of all points. */
export function shown({ points }: HostOutput): string[] {
  return points.map(({ metric, tags, value }) => `${metric}@${new Map(tags).get("device")}=${value}`);
}

export function events({ events: all }: HostOutput): string[] {
  return all.map(({ kind, device, parent }) => `${kind} ${device}${parent === undefined ? "" : ` at ${parent}`}`);
}

export function leftOut(output: HostOutput): Record<string, number> {
  return Object.fromEntries(output.leftOut);
}
