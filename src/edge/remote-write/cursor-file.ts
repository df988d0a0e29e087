/**
 * How far remote write has come, in a file of its own: it changes with every few thousand points, for which a commit of the
 * journal would be too dear. Two places are written in turn, so a write that is cut off leaves the one before. What is written
 * outlives the process at once, and the machine once it is synced, a second later: what was sent meanwhile goes again.
 */
import { closeSync, constants, fdatasync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { syncDirectory } from "../../log/segment.ts";
import type { Clock } from "../../model/clock.ts";
import type { OutgoingPlace } from "../../store/outgoing-protocol.ts";

const NAME = "remote-write.cursor";
const SLOT_BYTES = 512;
const SYNC_AFTER_MS = 1_000;

export interface StoredCursor {
  readonly place: OutgoingPlace;
  /** Whether it was closed: nothing after it was sent. */
  readonly isClosed: boolean;
}

interface Slot extends StoredCursor {
  readonly turn: number;
}

export class CursorFile {
  readonly #fd: number;
  readonly #clock: Clock;
  readonly #onTrouble: (error: unknown) => void;
  #turn: number;
  #place: OutgoingPlace | undefined;
  #cancelSync: (() => void) | undefined;
  #syncing: Promise<void> = Promise.resolve();
  /** Undefined: nothing was written yet, or what was is damaged. */
  readonly stored: StoredCursor | undefined;

  private constructor(fd: number, slot: Slot | undefined, clock: Clock, onTrouble: (error: unknown) => void) {
    this.#fd = fd;
    this.#turn = slot?.turn ?? 0;
    this.stored = slot;
    this.#place = slot?.place;
    this.#clock = clock;
    this.#onTrouble = onTrouble;
  }

  /** Throws where it cannot be opened. To be closed before the data directory is let go. */
  static open(dir: string, clock: Clock, onTrouble: (error: unknown) => void): CursorFile {
    const fd = openSync(join(dir, NAME), constants.O_RDWR | constants.O_CREAT, 0o600);
    syncDirectory(dir);
    return new CursorFile(fd, latestOf(readSlots(fd)), clock, onTrouble);
  }

  /** Where it begins, on the disk: what comes from then on is not lost, though nothing is sent. Throws as {@link write} does. */
  begin(place: OutgoingPlace): void {
    this.write(place);
    fsyncSync(this.#fd);
  }

  /** Throws where it cannot be written. */
  write(place: OutgoingPlace): void {
    this.#put({ turn: ++this.#turn, place, isClosed: false });
    this.#cancelSync ??= this.#clock.after(SYNC_AFTER_MS, () => {
      this.#cancelSync = undefined;
      this.#syncing = new Promise((resolve) => {
        fdatasync(this.#fd, (error) => {
          if (error !== null) this.#onTrouble(error);
          resolve();
        });
      });
    });
  }

  /** Syncs what was written. `isAllAnswered`: nothing was on its way. */
  async close(isAllAnswered: boolean): Promise<void> {
    this.#cancelSync?.();
    await this.#syncing;
    try {
      if (isAllAnswered && this.#place !== undefined) {
        this.#put({ turn: ++this.#turn, place: this.#place, isClosed: true });
      }
      fsyncSync(this.#fd);
    } finally {
      closeSync(this.#fd);
    }
  }

  #put(slot: Slot): void {
    const bytes = Buffer.alloc(SLOT_BYTES);
    const text = JSON.stringify(slot);
    bytes.write(`${crcOf(text)} ${text}\n`);
    writeSync(this.#fd, bytes, 0, SLOT_BYTES, (slot.turn % 2) * SLOT_BYTES);
    this.#place = slot.place;
  }
}

/** The first sequence that is not sent, as the store is to know before anything is merged. Undefined: there is none written. */
export function storedUnsentFrom(dir: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(join(dir, NAME), "r");
  } catch {
    return undefined;
  }
  try {
    return latestOf(readSlots(fd))?.place.seq;
  } finally {
    closeSync(fd);
  }
}

function readSlots(fd: number): Slot[] {
  return [0, 1].flatMap((at) => {
    const bytes = Buffer.alloc(SLOT_BYTES);
    readSync(fd, bytes, 0, SLOT_BYTES, at * SLOT_BYTES);
    const line = bytes.toString().split("\n")[0];
    const text = line.slice(line.indexOf(" ") + 1);
    return line.startsWith(`${crcOf(text)} `) ? [JSON.parse(text) as Slot] : [];
  });
}

function latestOf(slots: readonly Slot[]): Slot | undefined {
  return slots.toSorted((a, b) => b.turn - a.turn)[0];
}

function crcOf(text: string): number {
  return Bun.hash.crc32(text);
}
