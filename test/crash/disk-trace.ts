/**
 * What a process did to its files, read from strace, and what a disk may hold of it after a power cut: everything that
 * was synced, and of the rest any part.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

export const STRACE_CALLS = "openat,write,pwrite64,ftruncate,fsync,fdatasync,unlink,unlinkat,rename,renameat,renameat2";

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

interface TracedFile {
  /** What a power cut cannot take; null: not even the name. */
  durable: Uint8Array | null;
  /** Since the last sync. */
  pending: DiskCall[];
  /** Where `write` without an offset goes on. */
  end: number;
}

/** Writes what the disk may hold after the first `count` calls into `target`. `random` decides over what was not synced. */
export function powerCut(
  calls: readonly DiskCall[],
  count: number,
  dir: string,
  target: string,
  random: () => number,
): void {
  const files = new Map<string, TracedFile>();
  const fileOf = (path: string) => {
    let file = files.get(path);
    if (file === undefined) files.set(path, (file = { durable: null, pending: [], end: 0 }));
    return file;
  };
  for (const call of calls.slice(0, count)) {
    if (call.kind === "sync") {
      // A synced directory keeps the names in it; a synced file keeps its own name and content.
      if (files.has(call.path)) settle(fileOf(call.path));
      else for (const [path, file] of files) if (dirname(path) === call.path) settleName(file);
    } else if (call.kind === "rename") {
      const file = fileOf(call.path);
      files.delete(call.path);
      files.set(call.to, file);
    } else if (call.kind === "write" && call.at < 0) {
      const file = fileOf(call.path);
      file.pending.push({ ...call, at: file.end });
      file.end += call.bytes.length;
    } else if (call.kind !== "create" || !files.has(call.path)) {
      fileOf(call.path).pending.push(call);
    }
  }
  for (const [path, file] of files) {
    const content = afterCut(file, random);
    if (content === null) continue;
    const to = join(target, relative(dir, path));
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, content);
  }
  if (!existsSync(target)) mkdirSync(target);
}

function settle(file: TracedFile): void {
  for (const call of file.pending.splice(0)) file.durable = apply(file.durable, call);
}

/** The name is there, or gone; the content is not settled by that. */
function settleName(file: TracedFile): void {
  const unlinked = file.pending.findLastIndex(({ kind }) => kind === "unlink");
  if (unlinked >= 0) {
    file.durable = null;
    file.pending.splice(0, unlinked + 1);
  }
  if (file.pending.some(({ kind }) => kind === "create")) file.durable ??= new Uint8Array(0);
}

/** Nothing, everything, or a part of what was not synced, the last write of it torn. */
function afterCut({ durable, pending }: TracedFile, random: () => number): Uint8Array | null {
  const kept = random() < 0.34 ? 0 : random() < 0.5 ? pending.length : Math.floor(random() * (pending.length + 1));
  let content = durable;
  pending.slice(0, kept).forEach((call, i) => {
    const tears = i === kept - 1 && call.kind === "write" && random() < 0.5;
    const bytes = tears ? call.bytes.subarray(0, Math.floor(random() * call.bytes.length)) : undefined;
    content = apply(content, bytes === undefined ? call : ({ ...call, bytes } as DiskCall));
  });
  return content;
}

function apply(content: Uint8Array | null, call: DiskCall): Uint8Array | null {
  switch (call.kind) {
    case "create":
      return content ?? new Uint8Array(0);
    case "unlink":
      return null;
    case "truncate":
      return resized(content, call.size);
    case "write": {
      const size = Math.max(content?.length ?? 0, call.at + call.bytes.length);
      const written = resized(content, size);
      written.set(call.bytes, call.at);
      return written;
    }
    default:
      return content;
  }
}

function resized(content: Uint8Array | null, size: number): Uint8Array {
  const to = new Uint8Array(size);
  if (content !== null) to.set(content.subarray(0, size));
  return to;
}
