/** `[traces]`: what goes with every request to a collector. */
import { expect, test } from "bun:test";
import { renderSettings } from "../../src/cli/config.ts";
import { loadConfig } from "../../src/config/load.ts";

function load(headers: string) {
  return loadConfig({ env: { WATCHPOST_TRACES_HEADERS: headers }, flags: {}, machineMemoryBytes: 2 ** 31 });
}

test("headers are read as those of OTEL_EXPORTER_OTLP_HEADERS", () => {
  expect(load("none").config.traces.headers).toEqual({});
  expect(load("Authorization=Basic%20YQ==, x-scope-orgid = plant%2C%20hall%25").config.traces.headers).toEqual({
    authorization: "Basic YQ==",
    "x-scope-orgid": "plant, hall%",
  });
  const { settings } = load("authorization=s3cret");
  expect(renderSettings(settings)).toContain("# headers is set and not shown: WATCHPOST_TRACES_HEADERS");
  expect(renderSettings(settings)).not.toContain("s3cret");
});

test.each(["s3cret", "a b=s3cret", "=s3cret", "a=s3cret%0A", "a=s3cret,", "a=s3crét", "host=s3cret", "a="])(
  "%j is refused, and not shown",
  (headers) => {
    const refused = expect(() => load(headers));
    refused.toThrow("traces.headers is <secret> (WATCHPOST_TRACES_HEADERS): wanted");
    refused.not.toThrow("s3cr");
  },
);
