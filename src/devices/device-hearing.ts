/**
 * Hears devices: points and what they say of themselves make them known, and say of each whether it is there. What comes of it is
 * noted in the journal, many devices in a commit.
 */
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../model/clock.ts";
import type { DeviceEvent as Announcement } from "../model/device-event.ts";
import { messageOf } from "../model/errors.ts";
import type { DocumentChange } from "../model/journal.ts";
import { Seldom } from "../model/seldom.ts";
import { LeftOut } from "./announced-device.ts";
import type { DeviceBook, DeviceRecord } from "./device-book.ts";
import {
  documentOfFound,
  documentOfStatus,
  factsOf,
  journalEvent,
  NEVER_SEEN,
  removalOfDeleted,
  SYSTEM,
  withStanding,
  type Standing,
} from "./device-documents.ts";
import type { DeviceSeries } from "./device-series.ts";
import type { DeviceWriter, Rows } from "./device-writer.ts";
import { foundDevice, type Devices } from "./devices.ts";
import type { DeviceStatuses } from "./status/device-statuses.ts";
import type { SavedStatus, StatusChange } from "./status/status.ts";

export interface HearingDeps {
  readonly bus: Pick<Bus, "subscribe">;
  readonly clock: Clock;
  /** As of when silence is judged. */
  readonly judged: Pick<Clock, "nowMs" | "monotonicMs">;
  readonly book: DeviceBook;
  readonly series: DeviceSeries;
  readonly statuses: DeviceStatuses;
  readonly writer: DeviceWriter;
  readonly devices: Devices;
  readonly devicesMax: number;
  /** Other nodes tell of devices, too: {@link judged} is before arrivals are told. */
  readonly isTold?: boolean;
  /** Lets others have a turn. */
  pause(): Promise<void>;
  onTrouble(sentence: string): void;
  /** Somebody should know, and nothing is wrong with the server. */
  onNotice(sentence: string): void;
}

/** A device as another node has heard it. */
export interface HeardDevice {
  readonly id: string;
  /** As its points say; "": they do not. */
  readonly site: string;
  /** The latest event time among its points since it was told of last, and when that arrived. */
  readonly newestUs: number;
  readonly arrivalMs: number;
  readonly isPast: boolean;
}

/** Devices that are looked at in one turn: a few milliseconds. */
const LOOKED_AT_ONCE = 500;
const TICK_MS = 250;
/** What may be the site of a device; a tag may say more. */
const SITE = /^\P{Cc}{1,256}$/u;
/** Nodes tell within a second or two of what comes. */
const ON_ITS_WAY_MS = 10_000;
/** What was learned of devices is written down so often. */
const SAVE_EVERY_MS = 5_000;
const SAVED_AT_ONCE = 200;
/** What other nodes hear is told up to so much later: silence is judged as of then. */
export const TOLD_LATER_MS = 3_000;

export class DeviceHearing {
  readonly #deps: HearingDeps;
  /** Heard of, and not noted yet; by index. */
  readonly #found = new Map<number, DeviceRecord>();
  #noting: Promise<void> | undefined;
  #isFull = false;
  #ignoredDeaths = 0;
  readonly #ignored: Seldom;
  readonly #notTaken: Seldom;
  #savedAtMs: number;
  #cancelTick = () => {};
  #unsubscribe = () => {};
  #saving: Promise<void> | undefined;

  constructor(deps: HearingDeps) {
    this.#deps = deps;
    this.#ignored = new Seldom(deps.clock, deps.onNotice);
    this.#notTaken = new Seldom(deps.clock, deps.onTrouble);
    this.#savedAtMs = deps.clock.monotonicMs();
  }

  start(): void {
    const { bus, series } = this.#deps;
    this.#unsubscribe = bus.subscribe((frame) => series.apply(frame));
    this.#tickLater();
  }

  readonly #arrived = (device: number, newestUs: number, arrivalMs: number) => {
    const { statuses, isTold } = this.#deps;
    if (isTold) statuses.due(device, arrivalMs);
    statuses.arrived(device, newestUs / 1_000, arrivalMs);
  };

  /** The index of a device, which is made known where it is not; -1 where there are as many as may be. `site`: as its points say. */
  find(id: string, atMs: number, site = ""): number {
    const { book, devicesMax, series } = this.#deps;
    const known = book.get(id);
    if (known !== undefined) {
      series.place(id);
      if (known.foundSite === "" && SITE.test(site)) known.foundSite = site;
      return known.index;
    }
    if (book.count >= devicesMax) {
      this.#tellFull(id);
      return -1;
    }
    const record = book.add(id, Math.floor(atMs));
    if (SITE.test(site)) record.foundSite = site;
    this.#found.set(record.index, record);
    series.place(id);
    return record.index;
  }

  /**
   * Another node has heard it. What had come before the device was deleted, by the clock of that node, does not find it again: it was on
   * its way here, or is told by a stream that begins (`isPast`). Later that clock is not asked, which may be wrong.
   */
  heard({ id, site, newestUs, arrivalMs, isPast }: HeardDevice): void {
    const { book, series, clock } = this.#deps;
    const deletedAtMs = book.deleted.get(id);
    if (deletedAtMs !== undefined) {
      const mayBeOnItsWay = clock.nowMs() - deletedAtMs < ON_ITS_WAY_MS;
      if (isPast || (mayBeOnItsWay && arrivalMs <= deletedAtMs)) return;
    }
    const index = this.find(id, arrivalMs, site);
    if (index >= 0) series.note(index, newestUs, arrivalMs);
  }

  /** Deaths that were older than the newest sign of life, since the start. */
  get ignoredDeaths(): number {
    return this.#ignoredDeaths;
  }

  /** There may be room for devices that there was none for. */
  removed(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#deps.series.askAgain();
  }

  /**
   * What a device says of itself, or somebody (`by`) of it. "ignored": a death that is older than the newest sign of life, or a birth
   * before the death; it changes nothing. "full": the device may not be known.
   */
  event(announced: Announcement, by?: string): "heard" | "ignored" | "full" {
    const { clock, statuses, writer, devices } = this.#deps;
    const nowMs = clock.nowMs();
    const index = this.find(announced.device, nowMs);
    if (index < 0) return "full";
    const timeMs = Math.min(announced.timeMs, nowMs);
    // What came before it.
    this.#deps.series.tellOf(index, this.#arrived);
    const { kind, reason } = announced;
    const isTaken = statuses.event(index, { kind, timeMs, reason, ...(by && { by }) }, nowMs);
    if (!isTaken && announced.kind === "death") this.#ignoreDeath(announced, by);
    const rows = () => {
      const leftOut = new LeftOut();
      try {
        return devices.announced(announced, leftOut);
      } catch (error) {
        leftOut.add(messageOf(error));
        return undefined;
      } finally {
        if (!leftOut.isNothing) this.#tellLeftOut(announced.device, leftOut);
      }
    };
    // So that two that name each other in one commit make no circle.
    const after = this.#deps.book.get(announced.parent ?? "")?.index;
    writer.note({ device: index, rows, ...(after !== undefined && { after }) });
    return isTaken ? "heard" : "ignored";
  }

  /** The same; resolves once what comes of it is in the journal, or nothing does. */
  async announced(announced: Announcement): Promise<void> {
    if (this.event(announced) === "full") return;
    await this.noted();
    await this.#deps.writer.settled();
  }

  /** Resolves once all that has changed until now is noted, whatever comes meanwhile. */
  async noted(): Promise<void> {
    const { statuses, pause } = this.#deps;
    const { made } = statuses.changes;
    if (this.#noting === undefined && this.#noteSome()) this.#noting = this.#noteRest();
    while (statuses.changes.taken < made) await pause();
  }

  /** Turn by turn, so that others are not held up by a hundred thousand devices that change at once. */
  async #noteRest(): Promise<void> {
    try {
      do await this.#deps.pause();
      while (this.#noteSome());
    } finally {
      this.#noting = undefined;
    }
  }

  /** False where there is no more. */
  #noteSome(): boolean {
    const { series, statuses, book, writer, judged } = this.#deps;
    const isMoreHeard = series.tell(this.#arrived);
    const changes = statuses.advance(judged.nowMs(), judged.monotonicMs(), LOOKED_AT_ONCE);
    for (const change of changes) {
      const record = book.at(change.device);
      if (record === undefined) continue;
      this.#found.delete(change.device);
      const rows = () => {
        return record.isTold ? this.#statusRows(record, change) : this.#foundRows(record, change);
      };
      writer.note({ device: record.index, rows });
    }
    if (statuses.isBehind) return true;
    // Of these nothing but old readings came.
    let left = LOOKED_AT_ONCE;
    for (const record of this.#found.values()) {
      if (left-- === 0) break;
      if (series.isHeard(record.index)) continue;
      this.#found.delete(record.index);
      writer.note({ device: record.index, rows: () => (record.isTold ? undefined : this.#foundRows(record)) });
    }
    return isMoreHeard || this.#found.size > 0;
  }

  /** Stops, and notes how everything stands; what cannot be written now is left. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#cancelTick();
    await this.#noting;
    while (this.#noteSome()) await this.#deps.pause();
    await this.#saving;
    this.#saveNext();
    await this.#deps.writer.written();
    while (this.#saveNext()) await this.#deps.writer.written();
    await this.#deps.writer.written();
  }

  #tickLater(): void {
    this.#cancelTick = this.#deps.clock.after(TICK_MS, () => {
      this.#tickLater();
      void this.noted();
      const nowMs = this.#deps.clock.monotonicMs();
      if (nowMs - this.#savedAtMs < SAVE_EVERY_MS) return;
      this.#savedAtMs = nowMs;
      this.#saving ??= this.#save().finally(() => (this.#saving = undefined));
    });
  }

  async #save(): Promise<void> {
    // What is only when each was heard last does not take the room of what is news.
    while (!this.#deps.writer.isHolding && this.#saveNext()) await this.#deps.writer.tried();
  }

  /** False where there are no more. */
  #saveNext(): boolean {
    const { statuses, book, writer } = this.#deps;
    const unsaved = statuses.takeUnsaved(SAVED_AT_ONCE);
    for (const index of unsaved) {
      const record = book.at(index);
      const rows = () => {
        const isThere = record?.isTold && book.at(index) === record;
        return isThere
          ? { events: [], changes: [documentOfStatus(record.id, this.#savedStatus(record, record.standing))] }
          : undefined;
      };
      if (record !== undefined) writer.note({ device: index, rows });
    }
    return unsaved.length === SAVED_AT_ONCE;
  }

  #foundRows(record: DeviceRecord, change?: StatusChange): Rows | undefined {
    const { book } = this.#deps;
    if (book.at(record.index) !== record) return undefined;
    const { id, createdMs } = record;
    const standing = change === undefined ? NEVER_SEEN : standingAfter(change);
    const saved = change && this.#savedStatus(record, standing);
    const changes: DocumentChange[] = [documentOfFound(id, createdMs, saved)];
    if (book.deleted.has(id)) changes.push(removalOfDeleted(id));
    const device = withStanding(foundDevice(record), standing);
    const event = journalEvent({ kind: "registered", device, atMs: createdMs, actor: SYSTEM });
    return { events: [event], changes };
  }

  #statusRows(record: DeviceRecord, change: StatusChange): Rows | undefined {
    if (this.#deps.book.at(record.index) !== record) return undefined;
    const standing = standingAfter(change);
    if (change.isHeld) {
      // In its place among those that are written.
      this.#deps.devices.hold(record, standing, record.standing.status, change.by || SYSTEM);
      return undefined;
    }
    const device = withStanding(factsOf(record.stored ?? foundDevice(record)), standing);
    const event = journalEvent({
      kind: "status",
      device,
      previousStatus: change.previous,
      omitted: change.omitted,
      atMs: Math.floor(change.atMs),
      actor: change.by || SYSTEM,
    });
    return { events: [event], changes: [documentOfStatus(record.id, this.#savedStatus(record, standing))] };
  }

  /** With the status that is told, whatever has come of it meanwhile: that is told then. */
  #savedStatus({ index }: DeviceRecord, { status, sinceMs, reason, isFlapping }: Standing): SavedStatus {
    const saved = this.#deps.statuses.save(index);
    return { ...saved, status: status as StatusChange["status"], sinceMs, reason, isFlapping };
  }

  #ignoreDeath({ device, timeMs, reason }: Announcement, by?: string): void {
    const { statuses, book } = this.#deps;
    this.#ignoredDeaths++;
    // Who reports one is answered.
    if (by !== undefined) return;
    this.#ignored.say(() => {
      const { seenMs } = statuses.statusOf(book.get(device)!.index);
      const times = `of ${new Date(timeMs).toISOString()}, and it was heard at ${new Date(seenMs).toISOString()}`;
      return `a death of device ${JSON.stringify(device)} (${reason}) changes nothing: it is ${times}`;
    });
  }

  #tellLeftOut(id: string, leftOut: LeftOut): void {
    this.#notTaken.say(() => `what device ${JSON.stringify(id)} says of itself is not all taken: ${leftOut}`);
  }

  #tellFull(id: string): void {
    if (this.#isFull) return;
    this.#isFull = true;
    const { devicesMax, onTrouble } = this.#deps;
    onTrouble(
      `device ${JSON.stringify(id)} is not made known: the limit of ${devicesMax} devices (devices.max) is reached; its points are kept`,
    );
  }
}

function standingAfter({ status, atMs, reason, isFlapping }: StatusChange): Standing {
  return { status, sinceMs: Math.floor(atMs), reason, isFlapping };
}
