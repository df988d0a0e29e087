/** A small JSON file beside a long work that says how far it is, whole at any instant. */
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** What was written last. Undefined where there is none, or none that can be read. */
export async function readProgress(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** On disk when it resolves: the one before or this one, never a part. */
export async function writeProgress(path: string, progress: unknown): Promise<void> {
  const draft = `${path}.new`;
  {
    await using file = await open(draft, "w");
    await file.writeFile(`${JSON.stringify(progress)}\n`);
    await file.sync();
  }
  await rename(draft, path);
  await syncFolder(path);
}

export async function removeProgress(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(`${path}.new`, { force: true });
}

/** Makes a rename within the folder of `path` last. */
export async function syncFolder(path: string): Promise<void> {
  // A folder cannot be opened on Windows, which needs no such thing.
  if (process.platform === "win32") return;
  await using folder = await open(dirname(path), "r");
  await folder.sync();
}
