/** All that is known of one device: read when it changes and now and then, its values as they come. */
import { Code, ConnectError } from "@connectrpc/connect";
import { signal } from "@preact/signals";
import type { MetricValue } from "../../wire/gen/dashboard_pb.ts";
import type { Device, DeviceEvent, Sensor } from "../../wire/gen/devices_pb.ts";
import { globOfName } from "../../model/glob.ts";
import { devicesApi } from "../api.ts";
import { errorText, isCancelled } from "../errors.ts";
import { msOf } from "../format.ts";
import { devices } from "./devices.ts";
import { followLive } from "./live-values.ts";
import { seriesNameOf } from "./series-name.ts";

export interface SensorValue {
  readonly timeMs: number;
  readonly value: number;
  /** Series of that metric that were heard. */
  readonly series: number;
}

export const EVENTS_MAX = 1_000;
const READ_EVERY_MS = 15_000;
const READ_AFTER_CHANGE_MS = 300;

export class DeviceDetail {
  readonly device = signal<Device | undefined>(undefined);
  /** The latest first, at most {@link EVENTS_MAX}. */
  readonly events = signal<readonly DeviceEvent[]>([]);
  /** By metric, the newest of its series. */
  readonly values = signal<ReadonlyMap<string, SensorValue>>(new Map());
  /** "": the last reading succeeded. */
  readonly failure = signal("");
  readonly isUnknown = signal(false);
  readonly #id: string;
  readonly #over = new AbortController();
  /** Of each metric. */
  readonly #series = new Map<string, Set<string>>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(id: string) {
    this.#id = id;
    const hear = (values: readonly MetricValue[]) => this.#hear(values);
    const stops = [
      followLive({ metric: "*", filters: { device: globOfName(id) }, onBegin: hear, onValues: hear }),
      devices.subscribe(
        (() => {
          let before: Device | undefined;
          return (all: ReadonlyMap<string, Device>) => {
            if (all.get(id) === before) return;
            before = all.get(id);
            this.#readIn(READ_AFTER_CHANGE_MS);
          };
        })(),
      ),
    ];
    this.#over.signal.addEventListener("abort", () => {
      clearTimeout(this.#timer);
      for (const stop of stops) stop();
    });
    void this.read();
  }

  close(): void {
    this.#over.abort();
  }

  async read(): Promise<void> {
    const { signal: over } = this.#over;
    try {
      const { device, events } = await devicesApi.getDevice(
        { deviceId: this.#id, events: EVENTS_MAX },
        { signal: over },
      );
      this.device.value = device;
      this.events.value = events;
      for (const sensor of device?.sensors ?? []) this.#note(sensor);
      [this.failure.value, this.isUnknown.value] = ["", false];
    } catch (error) {
      if (over.aborted || isCancelled(error)) return;
      this.isUnknown.value = ConnectError.from(error).code === Code.NotFound;
      this.failure.value = errorText(error);
    }
    this.#readIn(READ_EVERY_MS);
  }

  #readIn(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#over.signal.aborted) return;
    this.#timer = setTimeout(() => (document.hidden ? this.#readIn(READ_EVERY_MS) : void this.read()), ms);
  }

  #note({ metricName, lastTime, lastValue }: Sensor): void {
    const timeMs = msOf(lastTime);
    if (timeMs === undefined || lastValue === undefined) return;
    if (timeMs < (this.values.peek().get(metricName)?.timeMs ?? -Infinity)) return;
    this.values.value = new Map(this.values.peek()).set(metricName, {
      ...{ timeMs, value: lastValue },
      series: this.#series.get(metricName)?.size ?? 0,
    });
  }

  #hear(values: readonly MetricValue[]): void {
    const next = new Map(this.values.peek());
    for (const each of values) {
      const { metric, timestamp, value, device } = each;
      if (device !== this.#id) continue;
      const timeMs = msOf(timestamp) ?? 0;
      const series = this.#series.get(metric) ?? new Set();
      this.#series.set(metric, series.add(seriesNameOf(each).key));
      const before = next.get(metric);
      if (timeMs >= (before?.timeMs ?? -Infinity)) next.set(metric, { timeMs, value, series: series.size });
    }
    this.values.value = next;
  }
}
