/** All that is known of one device: read when it changes and now and then, its values as they come. */
import { Code, ConnectError } from "@connectrpc/connect";
import { signal } from "@preact/signals";
import type { MetricValue } from "../../wire/gen/dashboard_pb.ts";
import type { Device, DeviceEvent, GetDeviceResponse, Sensor } from "../../wire/gen/devices_pb.ts";
import { globOfName } from "../../model/glob.ts";
import { devicesApi } from "../api.ts";
import { failureText } from "../errors.ts";
import { msOf } from "../format.ts";
import { devices } from "./devices.ts";
import { followLive } from "./live-values.ts";
import { poll } from "./poll.ts";
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
  /** Asks now. */
  readonly read: () => void;
  readonly #id: string;
  readonly #over = new AbortController();
  /** Of each metric. */
  readonly #series = new Map<string, Set<string>>();

  constructor(id: string) {
    this.#id = id;
    const hear = (values: readonly MetricValue[]) => this.#hear(values);
    const { signal: over } = this.#over;
    const read = poll({
      ask: (signal) => devicesApi.getDevice({ deviceId: id, events: EVENTS_MAX }, { signal }),
      onAnswer: (answer) => this.#take(answer),
      onFailure: (error) => {
        this.isUnknown.value = ConnectError.from(error).code === Code.NotFound;
        this.failure.value = failureText(error);
      },
      ...{ everyMs: READ_EVERY_MS, signal: over, page: document },
    });
    this.read = read;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stops = [
      followLive({ metric: "*", filters: { device: globOfName(id) }, onBegin: hear, onValues: hear }),
      devices.subscribe(
        (() => {
          let before: Device | undefined;
          return (all: ReadonlyMap<string, Device>) => {
            if (all.get(id) === before) return;
            before = all.get(id);
            clearTimeout(timer);
            timer = setTimeout(() => !document.hidden && read(), READ_AFTER_CHANGE_MS);
          };
        })(),
      ),
    ];
    over.addEventListener("abort", () => {
      clearTimeout(timer);
      for (const stop of stops) stop();
    });
  }

  close(): void {
    this.#over.abort();
  }

  #take({ device, events }: GetDeviceResponse): void {
    this.device.value = device;
    this.events.value = events;
    for (const sensor of device?.sensors ?? []) this.#note(sensor);
    [this.failure.value, this.isUnknown.value] = ["", false];
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
