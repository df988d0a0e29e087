/** Devices as the server has them: brings back what was known of them, hears them from then on, and serves the Devices service. */
import type { Bus } from "../bus/bus.ts";
import type { BurstGarbage } from "../model/burst-garbage.ts";
import type { Scope } from "../model/access.ts";
import type { Clock } from "../model/clock.ts";
import type { DeviceEvent as Announcement } from "../model/device-event.ts";
import type { DeviceStanding, PastStandings } from "../model/device-standing.ts";
import type { DocumentChange, DocumentQuery, JournalEntry, JournalEvent, StoredDocument } from "../model/journal.ts";
import type { LastingJournal } from "../model/lasting-journal.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import { SetAside } from "../model/set-aside.ts";
import type { Device } from "../wire/gen/devices_pb.ts";
import type { MethodImpl } from "../wire/service.ts";
import { DeviceBook, type DeviceRecord } from "./device-book.ts";
import type { ToldDevice } from "./device-documents.ts";
import { DeviceHearing, TOLD_LATER_MS, type HeardDevice } from "./device-hearing.ts";
import type { LatestPoint } from "./device-message.ts";
import { DeviceSeries } from "./device-series.ts";
import { DeviceWriter } from "./device-writer.ts";
import { Devices } from "./devices.ts";
import { schemasOf, type SchemasOfDevices } from "./device-schemas.ts";
import { pastStandings, standingOfRecord } from "./past-standings.ts";
import { restoreDevices, restoreStatuses } from "./restore-devices.ts";
import { SeenDevices, type DeviceSight } from "./seen-devices.ts";
import { deviceMethods } from "./service.ts";
import { DeviceStatuses } from "./status/device-statuses.ts";
import type { DeviceReader } from "./watch-devices.ts";

/** The journal as devices use it. */
export interface DeviceJournal extends DeviceReader {
  append(events: readonly JournalEvent[], changes?: readonly DocumentChange[]): Promise<readonly JournalEntry[]>;
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
  follow(listener: (entries: readonly JournalEntry[]) => void): () => void;
}

export type LastingDeviceJournal = LastingJournal & Pick<DeviceJournal, "follow">;

export interface DevicesOpenDeps {
  readonly registry: SeriesRegistry;
  readonly bus: Pick<Bus, "subscribe">;
  readonly clock: Clock;
  readonly journal: DeviceJournal;
  /** The same for what devices do by themselves; left out: it is one and the same. */
  readonly lasting?: LastingDeviceJournal;
  readonly garbage: BurstGarbage;
  /** The newest stored point of each series. */
  readonly latest?: { readonly seriesIds: Uint32Array; readonly timesUs: Float64Array };
  readonly devicesMax: number;
  /** Other nodes hear devices, too, and tell of them: {@link OpenDevices.heard}. */
  readonly isTold?: boolean;
  /** The newest point of a series by event time, at any later time. */
  valueOf(seriesId: number): LatestPoint | undefined;
  /** Resolves once {@link valueOf} knows what other nodes know of these; left out: there are none. */
  learn?(seriesIds: Uint32Array): Promise<void>;
  readonly schemas: SchemasOfDevices;
  readonly scopes: Pick<SeriesScopes, "seesDevice" | "seesWholeDevice" | "seesSeries" | "hasSeries">;
  pause(): Promise<void>;
  onTrouble(sentence: string): void;
  /** Somebody should know, and nothing is wrong with the server. */
  onNotice(sentence: string): void;
}

export interface OpenDevices {
  readonly methods: MethodImpl[];
  readonly count: number;
  /** How many have each status. */
  readonly countOf: ReadonlyMap<string, number>;
  /** Changes that wait for the journal. */
  readonly waiting: number;
  /** Deaths that changed nothing, since they were older than what was heard, since the start. */
  readonly ignoredDeaths: number;
  /** A device says that it is there or leaves, and what it is. Resolves once that is durable. */
  onDeviceEvent(event: Announcement): Promise<void>;
  /** Another node has heard a device. */
  heard(device: HeardDevice): void;
  /** Devices above one, the nearest first. */
  parentsOf(deviceId: string): readonly string[];
  /** The site it is registered with, or says that it is at; "": none. */
  siteOf(deviceId: string): string;
  /** Which devices are in a scope. */
  sightOf(scope: Scope): DeviceSight;
  /** How many of those in a scope have each status. */
  countsIn(scope: Scope): Promise<ReadonlyMap<string, number>>;
  /** Of which something was heard. */
  seriesOf(deviceId: string): Iterable<number>;
  /** As it was told last; undefined: there is no such device. */
  statusOf(deviceId: string): string | undefined;
  /** As it was told last; undefined: there is no such device. */
  standingOf(deviceId: string): DeviceStanding | undefined;
  /** Of all that have one of these statuses. */
  standings(statuses: readonly string[]): Iterable<DeviceStanding>;
  /** In [from, to), as far as the journal reaches. Rejects with RESOURCE_EXHAUSTED where that is too much to be read. */
  past(fromMs: number, toMs: number): Promise<PastStandings>;
  /** Calls `listener` with every change from now on, once it is durable. Returns what ends it. */
  follow(listener: (told: ToldDevice) => void): () => void;
  /** The same of devices of which {@link siteOf} may say something else now. */
  onMoved(listener: (deviceId: string) => void): () => void;
  /** While points are refused, or time cannot be trusted, nobody is silent. */
  setHearing(isHearing: boolean, reason: string): void;
  /** Hears nothing more, and writes down how everything stands. Idempotent. */
  close(): Promise<void>;
}

const RECORDS_AT_ONCE = 5_000;

export async function openDevices(deps: DevicesOpenDeps): Promise<OpenDevices> {
  const { registry, schemas, clock, journal, devicesMax, onTrouble, garbage } = deps;
  const lasting: LastingDeviceJournal = deps.lasting ?? journal;
  const setAside = new SetAside(onTrouble);
  const book = new DeviceBook();
  const writer = new DeviceWriter({
    ...{ journal, lasting, clock, onTrouble },
    onCommit: (events) => devices.committing(events),
    onHeld: (events) => {
      devices.takeHeld(events);
      tellSchemas();
    },
  });
  const series: DeviceSeries = new DeviceSeries(
    registry,
    (id, atMs, site) => hearing.find(id, atMs, site),
    // Of what was there before the start nobody has been told anything.
    (device, seriesId) => isRestored && seen.onSeries(device, seriesId),
    deps.isTold ? (id) => book.get(id) !== undefined : undefined,
  );
  let isRestored = false;
  const { scopes, pause } = deps;
  const seen = new SeenDevices({ book, series, registry, scopes, clock, journal, pause });
  const judgedLaterMs = deps.isTold ? TOLD_LATER_MS : 0;
  const judged = {
    nowMs: () => clock.nowMs() - judgedLaterMs,
    monotonicMs: () => clock.monotonicMs() - judgedLaterMs,
  };
  const statuses = new DeviceStatuses({
    nowMs: judged.nowMs(),
    monotonicMs: judged.monotonicMs(),
    nameOf: (index) => book.at(index)?.id ?? "",
  });
  /** Of which the sensors may be others now. */
  const changed = new Map<string, Device | undefined>();
  const tellSchemas = () => {
    if (changed.size > 0) schemas.set(schemasOf(changed));
    changed.clear();
  };
  const devices: Devices = new Devices({
    book,
    writer,
    setAside,
    devicesMax,
    seen,
    nowMs: () => clock.nowMs(),
    pause,
    hasPoints: ({ index }) => !series.seriesOf(index).next().done,
    onTold(record, isOther) {
      if (!isOther) return;
      seen.changed(record);
      configure(record, book, statuses);
      changed.set(record.id, record.stored);
    },
    onRemoved(record) {
      const { index, id } = record;
      seen.removed(record);
      changed.set(id, undefined);
      series.forget(index);
      statuses.forget(index);
      hearing.removed();
    },
  });
  const hearing = new DeviceHearing({ ...deps, judged, book, series, statuses, writer, devices });

  const saved = await restoreDevices({ journal: lasting, book, setAside });
  for (const record of book.told()) {
    configure(record, book, statuses);
    if (record.stored !== undefined && record.stored.sensors.length > 0) changed.set(record.id, record.stored);
  }
  tellSchemas();
  const unname = deps.isTold ? registry.onAdded((id) => series.named(id)) : () => {};
  const removed = restoreStatuses({ ...deps, book, series, statuses, saved });
  if (removed.length > 0) await lasting.append([], removed);
  isRestored = true;
  const unfollow = lasting.follow((entries) => {
    garbage.note(entries.length);
    devices.take(entries);
    tellSchemas();
  });
  hearing.start();

  const message = {
    ...{ registry, series, statuses },
    valueOf: (id: number) => deps.valueOf(id),
    ...(deps.learn && { learn: deps.learn }),
    outsideOf: (id: number) => schemas.outsideOf(id),
  };
  let closing: Promise<void> | undefined;
  return {
    methods: deviceMethods({
      ...message,
      hasPoints: (deviceId) => scopes.hasSeries(deviceId),
      ...{ book, devices, seen, journal, setAside, hearing, writer, clock, pause },
      nowMs: () => clock.nowMs(),
    }),
    get count() {
      return book.count;
    },
    get countOf() {
      return book.countOf;
    },
    get waiting() {
      return writer.waiting;
    },
    get ignoredDeaths() {
      return hearing.ignoredDeaths;
    },
    onDeviceEvent: (event) => hearing.announced(event),
    heard: (device) => hearing.heard(device),
    parentsOf: (deviceId) => book.parentsOf(deviceId),
    sightOf: (scope) => seen.of(scope),
    async countsIn(scope) {
      if (scope.isEverything) return book.countOf;
      const { seesRecord } = seen.of(scope);
      const counts = new Map([...book.countOf.keys()].map((status) => [status, 0]));
      let looked = 0;
      for (const record of book.told()) {
        if (++looked % RECORDS_AT_ONCE === 0) await pause();
        const { status } = record.standing;
        if (seesRecord(record)) counts.set(status, (counts.get(status) ?? 0) + 1);
      }
      return counts;
    },
    siteOf: (deviceId) => book.get(deviceId)?.stored?.site ?? "",
    seriesOf(deviceId) {
      const record = book.get(deviceId);
      return record === undefined ? [] : series.seriesOf(record.index);
    },
    statusOf(deviceId) {
      const record = book.get(deviceId);
      return record?.isTold ? record.standing.status : undefined;
    },
    standingOf(deviceId) {
      const record = book.get(deviceId);
      return record?.isTold ? standingOfRecord(record) : undefined;
    },
    *standings(statuses) {
      const wanted = new Set(statuses);
      for (const record of book.told()) if (wanted.has(record.standing.status)) yield standingOfRecord(record);
    },
    past: (fromMs, toMs) => pastStandings({ book, setAside, journal, pause: () => deps.pause() }, fromMs, toMs),
    follow: (listener) => devices.follow(listener),
    onMoved: (listener) => devices.follow((told) => isMove(told) && listener(told.id)),
    setHearing: (isHearing, reason) => statuses.setHearing(isHearing, reason),
    close: () =>
      (closing ??= (async () => {
        await hearing.close();
        writer.close();
        seen.close();
        unname();
        unfollow();
      })()),
  };
}

/** The first revision says the site of a device that was found in the data. */
function isMove({ event: { kind, device, changed } }: ToldDevice): boolean {
  if (kind === "updated") return changed.includes("site") || device?.revision === 1n;
  return kind === "deleted" || (kind === "registered" && device!.revision > 0n);
}

/** What is expected of it, and what it is reached through; also for those that are reached through it and came first. */
function configure(record: DeviceRecord, book: DeviceBook, statuses: DeviceStatuses): void {
  const { index, id, stored } = record;
  if (stored !== undefined) {
    statuses.configure(index, {
      expectedIntervalMs: Number(stored.expectedIntervalMs),
      lateAfterMs: Number(stored.lateAfterMs),
      offlineAfterMs: Number(stored.offlineAfterMs),
      isEventDriven: stored.isEventDriven,
    });
    statuses.setParent(index, book.get(stored.parent)?.index ?? -1);
  }
  for (const child of book.childrenOf(id)) {
    const other = book.get(child);
    if (other !== undefined) statuses.setParent(other.index, index);
  }
}
