/** One POST of remote write 1.0, and what its answer means. */
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import { retryAfterMs } from "../../model/retry-after-ms.ts";
import { packSnappy } from "../../wire/pack-snappy.ts";
import { connectionFailure } from "../mqtt/connection-failure.ts";

export type Answer =
  | { readonly kind: "taken" }
  /** The other side will not take it as it is, however often it comes. */
  | { readonly kind: "refused"; readonly reason: string }
  /** It is to come again. */
  | { readonly kind: "later"; readonly reason: string; readonly retryAfterMs: number };

/** What goes with a request; read for each, so that what was renewed is used. */
export interface ReceiverAccess {
  readonly headers: Readonly<Record<string, string>>;
  /** PEM; undefined: the authorities that the system trusts. */
  readonly ca: string | undefined;
}

export interface ReceiverDeps {
  readonly url: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Throws where it cannot be read. */
  access(): ReceiverAccess;
}

export type Receiver = (request: Uint8Array, signal: AbortSignal) => Promise<Answer>;

/** Of the points themselves; whatever else is wrong is of the connection or the settings, and may be mended. */
const REFUSALS = new Set([400, 413, 422]);
const NO_CONTENT = 204;
const REASON_BYTES_MAX = 2_048;
const REASON_LENGTH_MAX = 300;
const RETRY_AFTER_MS_MAX = 3_600_000;

/** Never rejects; where `signal` aborts the answer is "later". */
export function receiverOf({ url, timeoutMs, clock, access }: ReceiverDeps): Receiver {
  return async (request, signal) => {
    const ending = new AbortController();
    const cancel = clock.after(timeoutMs, () => ending.abort(new Error(`no answer within ${timeoutMs / 1_000} s`)));
    try {
      const { headers, ca } = access();
      const response = await fetch(url, {
        method: "POST",
        headers: {
          ...headers,
          "content-encoding": "snappy",
          "content-type": "application/x-protobuf",
          "x-prometheus-remote-write-version": "0.1.0",
          "user-agent": "watchpost",
        },
        body: packSnappy(request),
        signal: AbortSignal.any([ending.signal, signal]),
        // Another address is not the one that was configured.
        redirect: "manual",
        ...(ca === undefined ? {} : { tls: { ca } }),
      });
      const { status } = response;
      const text = status === NO_CONTENT ? "" : await textOf(response);
      return answerOf(status, response.headers.get("retry-after"), text, clock.nowMs());
    } catch (error) {
      const said = error instanceof WatchpostError ? error.message : connectionFailure(error);
      return { kind: "later", reason: ending.signal.aborted ? messageOf(ending.signal.reason) : said, retryAfterMs: 0 };
    } finally {
      cancel();
    }
  };
}

export function answerOf(status: number, retryAfter: string | null, text: string, nowMs: number): Answer {
  if (status >= 200 && status <= 299) return { kind: "taken" };
  const reason = `HTTP ${status}${text === "" ? "" : `: ${text}`}`;
  if (REFUSALS.has(status)) return { kind: "refused", reason };
  return { kind: "later", reason, retryAfterMs: Math.min(retryAfterMs(retryAfter, nowMs) ?? 0, RETRY_AFTER_MS_MAX) };
}

/** The first line of it. */
async function textOf({ body }: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body ?? []) {
    pieces.push(piece);
    bytes += piece.byteLength;
    if (bytes > REASON_BYTES_MAX) break;
  }
  const [line = ""] = Buffer.concat(pieces).toString().trim().split("\n");
  return line.slice(0, REASON_LENGTH_MAX);
}
