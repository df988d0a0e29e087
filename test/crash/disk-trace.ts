/**
 * What a process did to its files, read from strace, and what a disk may hold of it after a power cut: everything that
 * was synced, and of the rest any part: which writes, and what of each, is not to be foreseen. Where only the process is
 * killed it is all that was called for.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

export const STRACE_CALLS = "openat,write,pwrite64,ftruncate,fsync,fdatasync,unlink,unlinkat,rename,renameat,renameat2";

/** Of the writes that were not synced and survive. */
const TORN_SHARE = 0.25;
/** Of the files whose directory was not synced and that are lost with their name. */
const NAMELESS_SHARE = 0.3;

export type DiskCall = { readonly atMs: number } & (
  | { readonly kind: "write"; readonly path: string; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly path: string; readonly size: number }
  | { readonly kind: "create" | "unlink" | "sync"; readonly path: string }
  | { readonly kind: "rename"; readonly path: string; readonly to: string }
);

/** The calls on files under `dir`, in the order they ended. Lines of calls that others interrupted are joined. */
export function readTrace(file: string, dir: string): DiskCall[] {
  const unfinished = new Map<string, string>();
  const calls: DiskCall[] = [];
  for (const line of readFileSync(file, "latin1").split("\n")) {
    const [, thread, time, rest] = /^(\d+) +(\d+\.\d+) (.*)$/.exec(line) ?? [];
    if (rest === undefined) continue;
    if (rest.endsWith(" <unfinished ...>")) {
      unfinished.set(thread, rest.slice(0, -" <unfinished ...>".length));
      continue;
    }
    const [, resumed] = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest) ?? [];
    const call = callOf(resumed === undefined ? rest : (unfinished.get(thread) ?? "") + resumed, Number(time) * 1_000);
    if (call !== undefined && call.path.startsWith(dir)) calls.push(call);
  }
  return calls;
}

function callOf(text: string, atMs: number): DiskCall | undefined {
  const [, name, args, result] = /^(\w+)\((.*)\) += (-?\d+)/s.exec(text) ?? [];
  if (name === undefined || Number(result) < 0) return undefined;
  const onFile = textOf(/^\d+<([^>]*)>/.exec(args)?.[1] ?? "");
  const quoted = [...args.matchAll(/"([^"]*)"/g)].map(([, hex]) => hex);
  switch (name) {
    case "openat":
      return args.includes("O_CREAT") ? { kind: "create", path: textOf(quoted[0]), atMs } : undefined;
    case "write":
    case "pwrite64": {
      const at = name === "write" ? -1 : Number(/, (\d+)$/.exec(args)![1]);
      return { kind: "write", path: onFile, at, bytes: bytesOf(quoted[0]).subarray(0, Number(result)), atMs };
    }
    case "ftruncate":
      return { kind: "truncate", path: onFile, size: Number(/, (\d+)$/.exec(args)![1]), atMs };
    case "fsync":
    case "fdatasync":
      return { kind: "sync", path: onFile, atMs };
    case "unlink":
    case "unlinkat":
      return { kind: "unlink", path: textOf(quoted[0]), atMs };
    default:
      return { kind: "rename", path: textOf(quoted[0]), to: textOf(quoted[1]), atMs };
  }
}

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll("\\x", ""), "hex"));
}

function textOf(hex: string): string {
  return new TextDecoder().decode(bytesOf(hex));
}

/** Bytes of a file, in room that grows. */
class Content {
  #room = new Uint8Array(4_096);
  #size = 0;

  get bytes(): Uint8Array {
    return this.#room.subarray(0, this.#size);
  }

  /** Where it ends up longer, with zeros. */
  resize(size: number): void {
    if (size > this.#room.length) {
      const room = new Uint8Array(2 * size);
      room.set(this.bytes);
      this.#room = room;
    }
    this.#room.fill(0, Math.min(size, this.#size), this.#size);
    this.#size = size;
  }

  write(at: number, bytes: Uint8Array): void {
    if (at + bytes.length > this.#size) this.resize(at + bytes.length);
    this.#room.set(bytes, at);
  }
}

interface TracedFile {
  /** What a power cut cannot take; null: not even the name. */
  durable: Content | null;
  /** Since the last sync. */
  pending: DiskCall[];
  /** Where `write` without an offset goes on. */
  end: number;
  exists: boolean;
  /** Its directory was synced since it was made. */
  isNamed: boolean;
}

/** Writes what the disk may hold after the first `count` calls into `target`. `random` decides over what was not synced. */
export function powerCut(
  calls: readonly DiskCall[],
  count: number,
  dir: string,
  target: string,
  random: () => number,
): void {
  writeFiles(survivors(calls.slice(0, count), random), dir, target);
}

/** The same where nothing but the process was killed: all that it had called for is there. */
export function kill(calls: readonly DiskCall[], count: number, dir: string, target: string): void {
  const files = new Map<string, TracedFile>();
  for (const call of calls.slice(0, count)) note(files, call);
  const found = new Map<string, Uint8Array>();
  for (const [path, file] of files) {
    settle(file);
    if (file.durable !== null) found.set(path, file.durable.bytes);
  }
  writeFiles(found, dir, target);
}

function writeFiles(files: ReadonlyMap<string, Uint8Array>, dir: string, target: string): void {
  for (const [path, bytes] of files) {
    const to = join(target, relative(dir, path));
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, bytes);
  }
  if (!existsSync(target)) mkdirSync(target);
}

/** The files that are on the disk after these calls. */
export function survivors(calls: readonly DiskCall[], random: () => number): Map<string, Uint8Array> {
  const files = new Map<string, TracedFile>();
  for (const call of calls) note(files, call);
  const found = new Map<string, Uint8Array>();
  for (const [path, file] of files) {
    const content = afterCut(file, random);
    const isLost = file.exists && !file.isNamed && random() < NAMELESS_SHARE;
    if (content !== null && !isLost) found.set(path, content.bytes);
  }
  return found;
}

function note(files: Map<string, TracedFile>, call: DiskCall): void {
  // A synced directory keeps the names in it, a synced file its content. Many file systems keep a new name with it, POSIX
  // does not promise that.
  if (call.kind === "sync" && !files.has(call.path)) {
    for (const [path, file] of files) if (dirname(path) === call.path) settleName(file);
    return;
  }
  const file = files.get(call.path) ?? { durable: null, pending: [], end: 0, exists: false, isNamed: false };
  files.set(call.path, file);
  switch (call.kind) {
    case "sync":
      return settle(file);
    case "rename":
      files.delete(call.path);
      files.set(call.to, file);
      return;
    case "create":
      if (file.exists) return;
      file.exists = true;
      file.isNamed = false;
      file.end = 0;
      break;
    case "unlink":
      file.exists = false;
      break;
    case "write":
      if (call.at >= 0) break;
      file.pending.push({ ...call, at: file.end });
      file.end += call.bytes.length;
      return;
  }
  file.pending.push(call);
}

function settle(file: TracedFile): void {
  for (const call of file.pending.splice(0)) file.durable = apply(file.durable, call);
}

/** The name is there, or gone; the content is not settled by that. */
function settleName(file: TracedFile): void {
  file.isNamed = file.exists;
  const unlinked = file.pending.findLastIndex(({ kind }) => kind === "unlink");
  if (unlinked >= 0) {
    file.durable = null;
    file.pending.splice(0, unlinked + 1);
  }
  if (file.pending.some(({ kind }) => kind === "create")) file.durable ??= new Content();
}

/**
 * A journal of the file system keeps the order of what happens to names and sizes, so of that a beginning is there. Each
 * write of the file that its name stands for is there or not by itself, or a part of it.
 */
function afterCut({ durable, pending }: TracedFile, random: () => number): Content | null {
  const metadata = pending.filter(({ kind }) => kind !== "write").length;
  let metadataLeft = Math.round(shareOf(random) * metadata);
  const share = shareOf(random);
  let content = durable;
  for (const call of pending) {
    if (call.kind === "write") {
      if (content !== null && random() < share) survive(content, call, random);
    } else if (metadataLeft-- > 0) content = apply(content, call);
    // What came after belongs to another file.
    else if (call.kind === "unlink" || content === null) break;
  }
  return content;
}

/** Often none or all: by other shares a large transaction would never be whole. */
function shareOf(random: () => number): number {
  const dice = random();
  return dice < 0.25 ? 0 : dice < 0.5 ? 1 : random();
}

/** All of a write, or all but a stretch of it: its beginning, its end, or something in between. */
function survive(content: Content, { at, bytes }: DiskCall & { kind: "write" }, random: () => number): void {
  if (random() >= TORN_SHARE) return content.write(at, bytes);
  const [from, to] = [placeIn(bytes, random), placeIn(bytes, random)].sort((a, b) => a - b);
  if (from > 0) content.write(at, bytes.subarray(0, from));
  // The size of a file may have come to the disk without what is in it.
  if (to < bytes.length) content.write(at + to, bytes.subarray(to));
  else if (random() < 0.5) content.resize(Math.max(content.bytes.length, at + bytes.length));
}

/** The ends are about as likely as all between them. */
function placeIn({ length }: Uint8Array, random: () => number): number {
  const dice = random();
  return dice < 0.2 ? 0 : dice < 0.4 ? length : Math.floor(random() * length);
}

function apply(content: Content | null, call: DiskCall): Content | null {
  switch (call.kind) {
    case "create":
      return content ?? new Content();
    case "unlink":
      return null;
    case "truncate":
      content?.resize(call.size);
      return content;
    case "write":
      // A file that was there before the trace began.
      content ??= new Content();
      content.write(call.at, call.bytes);
      return content;
    default:
      return content;
  }
}
