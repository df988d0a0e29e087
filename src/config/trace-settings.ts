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
  sample: parsed("a number from 0 to 1", (given) => {
    const ratio = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
    return typeof ratio === "number" && ratio >= 0 && ratio <= 1 ? ratio : undefined;
  }),
});

export const TRACE_DEFAULTS = { endpoint: "none", sample: 0.1 };
