/** Small JSON documents from another server, bounded in bytes and time. */
import type { Clock } from "../../model/clock.ts";
import { messageOf } from "../../model/errors.ts";

export interface FetchJsonOptions {
  readonly clock: Pick<Clock, "after">;
  /** PEM of the authorities that the server's certificate may be of; undefined: those of the system. */
  readonly ca: string | undefined;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const BYTES_MAX = 256 * 1024;
const TIMEOUT_MS = 5_000;

/** Throws an Error with a sentence for whatever is not a JSON object that came in time. */
export async function fetchJson(
  url: string,
  { clock, ca, signal }: FetchJsonOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const ending = new AbortController();
  const slow = new Error(`it took longer than ${TIMEOUT_MS / 1_000} s`);
  const cancel = clock.after(TIMEOUT_MS, () => ending.abort(slow));
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([ending.signal, signal]),
      headers: { accept: "application/json", "accept-encoding": "identity" },
      // Another address is not the one that was configured.
      redirect: "manual",
      // What is packed could become anything.
      decompress: false,
      ...(ca === undefined ? {} : { tls: { ca } }),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`it answered with HTTP ${response.status}; wanted 200`);
    }
    return objectIn(await textOf(response));
  } catch (error) {
    const why = ending.signal.aborted ? slow.message : messageOf(error);
    throw new Error(`cannot get ${url}: ${why}`, { cause: error });
  } finally {
    cancel();
  }
}

async function textOf({ body }: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body ?? []) {
    bytes += piece.byteLength;
    if (bytes > BYTES_MAX) throw new Error(`its answer is larger than ${BYTES_MAX / 1024} KiB`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Said below.
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error("its answer is no JSON object");
}
