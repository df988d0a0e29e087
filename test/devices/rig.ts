/** Devices over a journal that survives them, with a clock of the test's own. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { openDevices, type DevicesOpenDeps, type OpenDevices } from "../../src/devices/open-devices.ts";
import { BurstGarbage } from "../../src/model/burst-garbage.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { SensorSchemas } from "../../src/model/sensor-schemas.ts";
import { EVERYTHING, type Scope } from "../../src/model/access.ts";
import { SeriesScopes } from "../../src/model/series-scopes.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { ANONYMOUS, type Principal } from "../../src/wire/service.ts";
import {
  Devices,
  DeviceEventSchema,
  WatchDevicesRequestSchema,
  type Device,
  type DeviceEvent,
  type DeviceSchema,
  type GetDeviceResponse,
  type ImportDevicesResponse,
  type ListDevicesResponse,
} from "../../src/wire/gen/devices_pb.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryJournal } from "../support/memory-journal.ts";

export type DeviceInit = MessageInitShape<typeof DeviceSchema>;
type Methods = typeof Devices.method;

/** What outlives a server. */
export class Kept {
  readonly journal = new MemoryJournal();
  readonly keys: string[] = [];
  /** By series. */
  readonly latest = new Map<number, { readonly timeUs: number; readonly value: number }>();
}

export class DeviceRig {
  readonly kept: Kept;
  readonly clock: ManualClock;
  readonly registry = new SeriesRegistry({ seriesMax: 1_000_000, seriesPerSourceMax: 1_000_000 });
  readonly schemas = new SensorSchemas(this.registry);
  readonly scopes = new SeriesScopes(this.registry, {
    siteOf: (id) => this.devices.siteOf(id),
    seriesOf: (id) => this.devices.seriesOf(id),
  });
  readonly troubles: string[] = [];
  readonly notices: string[] = [];
  readonly bus: MemoryBus;
  devices!: OpenDevices;
  /** How often others had a turn. */
  pauses = 0;
  #seq = 0;

  private constructor(kept: Kept, clock: ManualClock) {
    this.kept = kept;
    this.clock = clock;
    this.bus = new MemoryBus((error) => this.troubles.push(String(error)));
  }

  static async open(
    kept = new Kept(),
    clock = new ManualClock(),
    options: Partial<Pick<DevicesOpenDeps, "devicesMax" | "pause" | "lasting" | "isTold">> = {},
  ): Promise<DeviceRig> {
    const rig = new DeviceRig(kept, clock);
    kept.keys.forEach((key, i) => rig.registry.restore({ id: i + 1, key }));
    const ids = [...kept.latest.keys()];
    rig.devices = await openDevices({
      registry: rig.registry,
      bus: rig.bus,
      clock,
      journal: kept.journal,
      garbage: new BurstGarbage({ collectYoung() {}, collectAll() {}, shrink() {} }, clock),
      latest: {
        seriesIds: Uint32Array.from(ids),
        timesUs: Float64Array.from(ids, (id) => kept.latest.get(id)!.timeUs),
      },
      devicesMax: 1_000_000,
      schemas: rig.schemas,
      scopes: rig.scopes,
      valueOf: (id) => kept.latest.get(id),
      pause: () => {
        rig.pauses++;
        return Promise.resolve();
      },
      onTrouble: (sentence) => rig.troubles.push(sentence),
      onNotice: (sentence) => rig.notices.push(sentence),
      ...options,
    });
    rig.devices.onMoved((id) => rig.scopes.moved(id));
    return rig;
  }

  /** A series' id. */
  series(metric: string, source: string, tags: Readonly<Record<string, string>> = {}): number {
    const key = seriesKey(metric, source, Object.entries(tags));
    const known = this.registry.idOf(key);
    if (known !== undefined) return known;
    this.kept.keys.push(key);
    return this.registry.add(key, source) as number;
  }

  /** A committed frame: a value of each series, now or at a time. */
  send(seriesIds: readonly number[], timeMs = this.clock.nowMs(), value = 1): void {
    for (const id of seriesIds) {
      const before = this.kept.latest.get(id);
      if (before === undefined || before.timeUs <= timeMs * 1_000)
        this.kept.latest.set(id, { timeUs: timeMs * 1_000, value });
    }
    this.bus.publish({
      seq: ++this.#seq,
      arrivalMs: this.clock.nowMs(),
      count: seriesIds.length,
      seriesIds: Uint32Array.from(seriesIds),
      timesUs: new Float64Array(seriesIds.length).fill(timeMs * 1_000),
      values: new Float64Array(seriesIds.length).fill(value),
    });
  }

  /** What is noted by now is told. */
  async settle(ms = 300): Promise<void> {
    this.clock.advance(ms);
    for (let i = 0; i < 50; i++) await Promise.resolve();
    await new Promise((resolve) => void setImmediate(resolve));
  }

  async call<K extends keyof Methods>(
    name: K,
    request: object,
    scope = EVERYTHING,
    as: Partial<Principal> = {},
  ): Promise<unknown> {
    const impl = this.devices.methods.find(({ method }) => method === Devices.method[name])!;
    const principal = { ...ANONYMOUS, ...as, scope };
    const context = { signal: new AbortController().signal, principal, headers: new Map(), peer: "test" };
    const message = create(Devices.method[name].input as never, request as never);
    const answer = await (impl.run as (request: never, context: unknown) => Promise<object>)(message as never, context);
    return create(Devices.method[name].output as never, answer as never);
  }

  async register(device: DeviceInit, more: object = {}): Promise<Device> {
    return ((await this.call("registerDevice", { device, ...more })) as { device: Device }).device;
  }

  async update(device: DeviceInit, fields: readonly string[], more: object = {}): Promise<Device> {
    return ((await this.call("updateDevice", { device, fields, ...more })) as { device: Device }).device;
  }

  async get(deviceId: string, events = 0, scope?: Scope): Promise<GetDeviceResponse> {
    return (await this.call("getDevice", { deviceId, events }, scope)) as GetDeviceResponse;
  }

  async list(request: object = {}, scope?: Scope): Promise<ListDevicesResponse> {
    return (await this.call("listDevices", request, scope)) as ListDevicesResponse;
  }

  async import(format: string, content: string | Uint8Array, more: object = {}): Promise<ImportDevicesResponse> {
    return (await this.call("importDevices", {
      format,
      content: Buffer.from(content),
      ...more,
    })) as ImportDevicesResponse;
  }

  watch(request: object = {}, scope = EVERYTHING): Watcher {
    const impl = this.devices.methods.find(({ method }) => method === Devices.method.watchDevices)!;
    const controller = new AbortController();
    const principal = { ...ANONYMOUS, scope };
    const context = { signal: controller.signal, principal, headers: new Map(), peer: "test" };
    const run = impl.run as unknown as (request: object, context: object) => AsyncGenerator<DeviceEvent>;
    return new Watcher(run(create(WatchDevicesRequestSchema, request), context), controller);
  }

  /** Of a device. */
  journaled(id: string): string[] {
    return this.kept.journal.entries
      .filter(({ subject }) => subject === `device/${id}`)
      .map(({ payload, actor }) => {
        const { kind, device } = JSON.parse(payload) as { kind: string; device: { status?: string } };
        return `${kind}${kind === "status" ? ` ${device.status}` : ""} by ${actor}`;
      });
  }
}

export class Watcher {
  readonly #events: AsyncGenerator<DeviceEvent>;
  readonly #controller: AbortController;

  constructor(events: AsyncGenerator<DeviceEvent>, controller: AbortController) {
    this.#events = events;
    this.#controller = controller;
  }

  async next(): Promise<DeviceEvent> {
    const { value, done } = await this.#events.next();
    if (done) throw new Error("the stream has ended");
    return create(DeviceEventSchema, value);
  }

  async take(count: number): Promise<DeviceEvent[]> {
    const taken: DeviceEvent[] = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }

  /** To the mark that ends it, with it. */
  async snapshot(): Promise<DeviceEvent[]> {
    const taken = [await this.next()];
    while (taken.at(-1)!.kind !== "snapshot_end") taken.push(await this.next());
    return taken;
  }

  close(): void {
    this.#controller.abort();
  }
}
