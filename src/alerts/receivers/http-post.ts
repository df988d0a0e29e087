/** One POST of JSON to where a receiver listens: bounded, without following anyone elsewhere, and silent about secrets. */
import { BUILD } from "../../model/build-info.ts";
import type { Clock } from "../../model/clock.ts";
import { connectionFailure } from "./connection-failure.ts";
import { refused, stopped, tryAgain } from "./delivery-error.ts";
import { retryAfterMs } from "../../model/retry-after-ms.ts";
import { percentDecoded, quotable, secretsOfUrl } from "./scrub.ts";
import type { Secret } from "./secret.ts";
import { tlsOptions, type TlsConfig } from "./tls-files.ts";

const ANSWER_BYTES_MAX = 64 * 1024;
/** Once the status is known, nothing but words is still to come. */
const ANSWER_WAIT_MS = 2_000;
const REDIRECTS_MAX = 3;
/** Those that keep the method and the body. */
const REDIRECTS_KEPT = new Set([307, 308]);
/** 4xx that say "later". */
const LATER = new Set([408, 425, 429]);

export interface HttpTarget {
  readonly url: Secret;
  readonly headers: ReadonlyMap<string, Secret>;
  readonly tls: TlsConfig;
}

export interface PostOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Beside those of the target. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the body: the other side may say them back. */
  readonly secrets?: readonly string[];
  /** What is added to a path that the URL has. */
  readonly path?: string;
}

/** What was answered with 2xx. */
export interface Answer {
  /** At most 64 KiB of it; less where the connection broke or hung meanwhile: by then it was taken. */
  readonly text: string;
  /** Scheme, host and port. */
  readonly where: string;
  /** For {@link quotable}. */
  readonly secrets: readonly string[];
}

/** Where to send, with user and password moved from the URL to the header that carries them. */
interface Address {
  readonly url: URL;
  /** Scheme, host and port. */
  readonly where: string;
  readonly headers: Headers;
  readonly secrets: readonly string[];
}

/** Throws as `send` of a receiver does. */
export async function postJson(target: HttpTarget, body: string, options: PostOptions): Promise<Answer> {
  const { clock, signal } = options;
  const address = await addressOf(target, options);
  const { where, secrets } = address;
  const response = await follow(address, body, await tlsOptions(target.tls), signal);
  const text = await answerText(response, clock);
  if (response.ok) return { text, where, secrets };
  const { status, statusText, headers } = response;
  const said = quotable(text, secrets);
  const answer = `${where} answered ${status} ${quotable(statusText, secrets)}`.trimEnd();
  const message = said === "" ? answer : `${answer}: ${said}`;
  if (status < 500 && !LATER.has(status)) throw refused(message);
  throw tryAgain(message, retryAfterMs(headers.get("retry-after"), clock.nowMs()));
}

/** Throws FAILED_PRECONDITION for what could never be sent. */
export async function addressOf(
  target: HttpTarget,
  { headers: extra = {}, secrets = [], path = "" }: Pick<PostOptions, "headers" | "secrets" | "path"> = {},
): Promise<Address> {
  const url = URL.parse(await target.url.reveal());
  if (url === null || !/^https?:$/.test(url.protocol)) throw refused(`${target.url.shown} is no URL of http or https`);
  const where = `${url.protocol}//${url.host}`;
  const allSecrets = [...secrets, ...secretsOfUrl(url)];
  // Compressed, a few bytes could be many.
  const headers = new Headers({ "user-agent": `watchpost/${BUILD.version}`, "accept-encoding": "identity" });
  if (url.username !== "" || url.password !== "") {
    const user = [url.username, url.password].map(percentDecoded).join(":");
    headers.set("authorization", `Basic ${Buffer.from(user).toString("base64")}`);
    url.username = url.password = "";
  }
  for (const [name, secret] of target.headers) {
    const value = await secret.reveal();
    // Without a scheme such as "Bearer" before it, too.
    allSecrets.push(value, value.slice(value.lastIndexOf(" ") + 1));
    setHeader(headers, name, value);
  }
  for (const [name, value] of Object.entries(extra)) headers.set(name, value);
  headers.set("content-type", "application/json");
  if (path !== "") url.pathname = url.pathname.replace(/\/*$/, path);
  return { url, where, headers, secrets: allSecrets };
}

function setHeader(headers: Headers, name: string, value: string): void {
  try {
    headers.set(name, value);
  } catch {
    throw refused(`the value of header ${name} has characters that no header may have`);
  }
}

/** Redirects within the same scheme, host and port; what is sent carries secrets, and no other place is to have them. */
async function follow(address: Address, body: string, tls: object, signal: AbortSignal): Promise<Response> {
  let { url } = address;
  for (let redirects = 0; ; redirects++) {
    const response = await post(url, address, body, tls, signal);
    if (response.status < 300 || response.status > 399) return response;
    await response.body?.cancel();
    const location = URL.parse(response.headers.get("location") ?? "", url.href);
    const leads = `${address.where} answered ${response.status}, which leads`;
    if (location === null) throw refused(`${leads} nowhere`);
    if (location.origin !== url.origin) {
      throw refused(`${leads} to ${location.protocol}//${location.host}: it is not followed to another place`);
    }
    if (!REDIRECTS_KEPT.has(response.status)) throw refused(`${leads} to another path: only 307 and 308 are followed`);
    if (redirects === REDIRECTS_MAX) throw refused(`${leads} on and on: ${REDIRECTS_MAX} of these are followed`);
    location.username = location.password = "";
    url = location;
  }
}

async function post(url: URL, { where, headers }: Address, body: string, tls: object, signal: AbortSignal) {
  try {
    // Alerts are rare: a kept connection would mostly be one that the other side has closed meanwhile.
    return await fetch(url.href, { method: "POST", headers, body, signal, tls, redirect: "manual", keepalive: false });
  } catch (error) {
    if (signal.aborted) throw stopped();
    throw connectionFailure(error, where);
  }
}

async function answerText(response: Response, clock: Clock): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return "";
  const cancelTimer = clock.after(ANSWER_WAIT_MS, () => void reader.cancel().catch(() => {}));
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  try {
    while (bytes < ANSWER_BYTES_MAX) {
      const { done, value } = await reader.read();
      if (done) break;
      const part = value.subarray(0, ANSWER_BYTES_MAX - bytes);
      bytes += part.length;
      text += decoder.decode(part, { stream: true });
    }
  } catch {
    // The status is known by now, and it is what counts.
  } finally {
    cancelTimer();
    await reader.cancel().catch(() => {});
  }
  return text;
}
