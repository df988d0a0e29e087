/** `[traces]`: where spans go, and of how many traces. */
import { z } from "zod";
import { parsed } from "./leaves.ts";

export const traceSettings = z.strictObject({
  endpoint: parsed(
    '"none" or the address of a collector such as http://127.0.0.1:4318/v1/traces',
    (given): { readonly url: string | undefined } | undefined => {
      if (given === "none") return { url: undefined };
      const url = typeof given === "string" ? URL.parse(given) : null;
      const isTaken = url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
      return isTaken ? { url: url.href } : undefined;
    },
  ).transform(({ url }) => url),
  headers: parsed(
    '"none" or headers such as "authorization=Bearer%20abc,x-scope-orgid=plant", with a comma of a value as %2C',
    headersOf,
  ),
  sample: parsed("a number from 0 to 1", (given) => {
    const ratio = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
    return typeof ratio === "number" && ratio >= 0 && ratio <= 1 ? ratio : undefined;
  }),
});

export const TRACE_DEFAULTS = { endpoint: "none", headers: "none", sample: 0.1 };

/** Those that a request of spans has itself, or that say how it is sent. */
const TAKEN = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "host",
  "transfer-encoding",
]);

/** As OTEL_EXPORTER_OTLP_HEADERS has them. Undefined where they are no such headers. */
export function headersOf(given: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof given !== "string") return undefined;
  if (given === "none") return {};
  const headers = given.split(",").map((one): readonly [string, string] => {
    const [, name = "", encoded = ""] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(one) ?? [];
    const text = encoded.replaceAll(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
    return [name.toLowerCase(), text];
  });
  const isTaken = headers.every(([name, value]) => {
    return /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) && !TAKEN.has(name) && /^[\x20-\x7e]+$/.test(value);
  });
  return isTaken ? Object.fromEntries(headers) : undefined;
}
