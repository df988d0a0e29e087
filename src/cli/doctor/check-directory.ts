/** The data directory: whether it can be used, by whom, and what it lies on. */
import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { networkFileSystemOf } from "../../log/state-db.ts";
import { formatByteSize } from "../../model/byte-size.ts";
import { messageOf } from "../../model/errors.ts";
import { freeFloorBytes } from "../../store/retention-plan.ts";
import { findings, type Finding } from "./finding.ts";

/** By the type statfs tells (linux/magic.h). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: "ext4",
  0x58465342: "XFS",
  0x9123683e: "Btrfs",
  0xf2f52010: "F2FS",
  0x2fc12fc1: "ZFS",
  0x01021994: "tmpfs",
  0x794c7630: "overlay",
  0x65735546: "FUSE",
};
const [TMPFS, OVERLAY, FUSE] = ["tmpfs", "overlay", "FUSE"];
/** Nothing goes yet; somebody has time. */
const FLOORS_NEAR = 2;
const INODES_FREE_MIN = 1_000;
const OTHERS = 0o077;
const USER_WRITES = constants.W_OK | constants.R_OK | constants.X_OK;

export interface Place {
  /** The data directory, or the nearest one above it that is there. */
  readonly place: string;
  readonly exists: boolean;
  readonly isDirectory: boolean;
}

/** Where the server would write. */
export function placeOf(data: string): Place {
  let place = resolve(data);
  const exists = existsSync(place);
  while (!existsSync(place)) place = dirname(place);
  return { place, exists, isDirectory: statSync(place).isDirectory() };
}

export function checkDirectory(data: string, { place, exists, isDirectory }: Place): Finding[] {
  const { ok, warning, problem } = findings("directory");
  const dir = resolve(data);
  if (!isDirectory) return [problem(`${place} is no directory`, "name another one with --data")];
  try {
    accessSync(place, USER_WRITES);
  } catch (error) {
    const what = exists ? `${dir} cannot be read and written by this user` : `${dir} cannot be made in ${place}`;
    const advice = `run this as the user of the server, or give it the directory: chown -R USER ${place}`;
    return [problem(`${what}: ${messageOf(error)}`, advice)];
  }
  if (!exists) return [ok(`${dir} is not there yet; the server makes it`)];
  const stat = statSync(place);
  const uid = process.getuid?.() ?? stat.uid;
  const found: Finding[] = [];
  const owner = `${dir} belongs to user ${stat.uid}`;
  if (uid === 0 && stat.uid !== 0) found.push(ok(`${owner}, as which the server must run`));
  else if (uid !== stat.uid) {
    const advice = `chown -R ${uid} ${dir}, if the server runs as this user`;
    found.push(warning(`${owner}, this is user ${uid}`, advice));
  }
  const mode = stat.mode & 0o777;
  const octal = mode.toString(8).padStart(3, "0");
  if ((mode & OTHERS) !== 0) {
    const text = `${dir} is open to other users (mode ${octal}): they can read all points`;
    found.push(warning(text, `chmod 700 ${dir}`));
  } else if (found.length === 0) found.push(ok(`${dir} belongs to this user alone (mode ${octal})`));
  return found;
}

export function checkFileSystem(place: string): Finding[] {
  const { ok, warning, problem } = findings("file system");
  const network = networkFileSystemOf(place);
  const kind = network ?? FILE_SYSTEMS[statfsSync(place).type >>> 0] ?? "a file system of a kind not known here";
  const text = `${place} lies on ${kind}`;
  if (network !== undefined) {
    const advice = "its locks and syncs do not keep what they promise, the server refuses it: use a local disk";
    return [problem(text, advice)];
  }
  if (kind === TMPFS) return [warning(`${text}: all is lost when the machine restarts`, "use a directory on a disk")];
  if (kind === OVERLAY) return [warning(`${text}: all is lost with the container`, "mount a volume there")];
  if (kind === FUSE) return [warning(`${text}: whether a sync holds depends on what is behind it`, "use a local disk")];
  return [ok(text)];
}

export interface SpaceFacts {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** 0 of 0: the file system has no fixed number. */
  readonly freeInodes: number;
  readonly inodes: number;
  readonly floor: number | "auto";
}

export function spaceOf(place: string, floor: number | "auto"): SpaceFacts {
  const { bavail, blocks, bsize, ffree, files } = statfsSync(place);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize, freeInodes: ffree, inodes: files, floor };
}

export function checkSpace({ freeBytes, totalBytes, freeInodes, inodes, floor }: SpaceFacts): Finding[] {
  const { ok, warning, problem } = findings("disk");
  const floorBytes = freeFloorBytes(floor, totalBytes);
  const free = `${formatByteSize(freeBytes)} of ${formatByteSize(totalBytes)} are free`;
  const text = `${free}; below ${formatByteSize(floorBytes)} the oldest points go`;
  const advice = "make room, or bound what is kept: retention.raw, retention.disk_budget";
  const found: Finding[] = [];
  if (freeBytes <= floorBytes) found.push(problem(text, advice));
  else found.push(freeBytes < FLOORS_NEAR * floorBytes ? warning(text, advice) : ok(text));
  if (inodes > 0 && freeInodes < INODES_FREE_MIN) {
    const room = "remove files that nobody needs from this file system";
    found.push(problem(`only ${freeInodes} more files can be made`, room));
  }
  return found;
}
