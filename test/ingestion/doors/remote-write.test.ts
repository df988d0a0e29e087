import { expect, test } from "bun:test";
import fc from "fast-check";
import { WriteRequestReader, type WriteRequestSink } from "../../../src/ingestion/doors/write-request.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { openServer } from "./rig.ts";
import { HEADERS, packed, writeRequest, type Sample } from "./write-request.ts";

const MS = 1_700_000_000_000;
const PATH = "/api/v1/write";

function readAll(bytes: Uint8Array, sink: Partial<WriteRequestSink>, parts = Infinity): string | undefined {
  const reader = new WriteRequestReader(bytes, { sample: () => {}, leftOut: () => {}, ...sink });
  while (!reader.step(parts));
  return reader.failure;
}

test("samples are stored as the docs say: name, source, tags", async () => {
  await using server = await openServer();
  const body = writeRequest([
    [{ __name__: "up", instance: "gw-1:9100", job: "node", empty: "" }, [[MS, 1], [MS + 1, 0]]], // prettier-ignore
    [{ __name__: "job:rate:5m", job: "node" }, [[MS, 2.5]]],
    [{ __name__: "lone" }, [[MS, 3]]],
  ]);
  for (let i = 0; i < 2; i++) expect((await server.post(PATH, packed(body), HEADERS)).status).toBe(204);
  expect((await server.post(`${PATH}?source=site-9`, packed(body), HEADERS)).status).toBe(204);
  expect((await server.stored()).sort()).toEqual(
    [
      `job_rate_5m node@${MS}=2.5`,
      `job_rate_5m site-9 job=node@${MS}=2.5`,
      `lone prometheus@${MS}=3`,
      `lone site-9@${MS}=3`,
      `up gw-1:9100 job=node@${MS}=1`,
      `up gw-1:9100 job=node@${MS + 1}=0`,
      `up site-9 instance=gw-1:9100 job=node@${MS}=1`,
      `up site-9 instance=gw-1:9100 job=node@${MS + 1}=0`,
    ].sort(),
  );
});

test("stale markers and what is no number are skipped and counted, no error", async () => {
  await using server = await openServer();
  const samples: Sample[] = [[MS, "stale"], [MS, NaN], [MS, Infinity], [MS + 1, 4]]; // prettier-ignore
  const answer = await server.post(PATH, packed(writeRequest([[{ __name__: "m" }, samples]])), HEADERS);
  expect(answer.status).toBe(204);
  expect(await server.stored()).toEqual([`m prometheus@${MS + 1}=4`]);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain('watchpost_door_left_out_total{door="prometheus",what="stale marker"} 1');
  expect(metrics).toContain('watchpost_door_left_out_total{door="prometheus",what="no finite number"} 2');
});

test("what is wrong is refused by name, what is right is stored", async () => {
  await using server = await openServer();
  const body = writeRequest([
    [{ __name__: "m" }, [[MS, 1], [MS * 1_000, 2]]], // prettier-ignore
    [{ job: "nameless" }, [[MS, 3]]],
  ]);
  const answer = await server.post(PATH, packed(body), HEADERS);
  const text = await answer.text();
  expect(answer.status).toBe(400);
  expect(text).toContain("2 refused, 1 stored: sample 2 of m{}: timestamp");
  expect(text).toContain('sample 3 of {job="nameless"}: has no label __name__');
  const cut = await server.post(PATH, packed(body.subarray(0, body.length - 3)), HEADERS);
  expect([cut.status, await cut.text()]).toEqual([400, expect.stringContaining("is no prometheus.WriteRequest")]);
  expect(await server.stored()).toEqual([`m prometheus@${MS}=1`]);
  const damaged = await server.post(PATH, body, HEADERS);
  expect([damaged.status, await damaged.text()]).toEqual([400, "the body is no snappy: a copy is out of range\n"]);
  expect((await server.post(PATH, packed(new Uint8Array(70 << 20)), HEADERS)).status).toBe(413);
  const second = { ...HEADERS, "content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request" };
  expect((await server.post(PATH, packed(body), second)).status).toBe(415);
});

test("labels of one series never pass for those of another", () => {
  const keys = new Map<string, string>();
  const part = fc.constantFrom("\n", "\x01", "\x02", "\x04", "\x12", "a");
  const text = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 4 }), (pairs) => {
      const labels = Object.fromEntries(pairs);
      const body = writeRequest([[labels, [[MS, 1]]]]);
      const sample: WriteRequestSink["sample"] = (told) => {
        const shown = JSON.stringify(told.read());
        expect(shown).toBe(JSON.stringify(Object.entries(labels)));
        const key = Buffer.from(body).toString("latin1", told.form.metricAt, told.form.metricEnd);
        expect(keys.get(key) ?? shown).toBe(shown);
        keys.set(key, shown);
      };
      expect(readAll(body, { sample })).toBeUndefined();
    }),
  );
  expect(keys.size).toBeGreaterThan(20);
});

test("any bytes are read to their end or named", () => {
  const good = writeRequest([[{ __name__: "m", a: "b" }, [[MS, 1], [MS + 1, 2]]]]); // prettier-ignore
  const damaged = fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 }), fc.nat({ max: good.length }));
  fc.assert(
    fc.property(damaged, fc.uint8Array({ maxLength: 60 }), ([at, byte, length], random) => {
      const bytes = good.slice(0, length);
      if (at < length) bytes[at] = byte;
      for (const body of [bytes, random]) expect(["undefined", "string"]).toContain(typeof readAll(body, {}));
    }),
  );
});

test("labels that cannot be read cost only their series", async () => {
  await using server = await openServer();
  const body = writeRequest([
    [{ __name__: "before" }, [[MS, 1]]],
    [{ __name__: "m", a: "QQ" }, [[MS, 2]]],
    [{ __name__: "m", a: "PP" }, [[MS, 3]]],
    [{ __name__: "after" }, [[MS, 4]]],
  ]);
  body.set([0xff, 0xfe], Buffer.from(body).indexOf("QQ"));
  // A length that runs past the label.
  body[Buffer.from(body).indexOf("PP") - 1] = 3;
  const answer = await server.post(PATH, packed(body), HEADERS);
  const text = await answer.text();
  expect([answer.status, text]).toEqual([400, expect.stringContaining("2 refused, 2 stored: sample 2: label 2")]);
  expect(text).toContain("sample 2: label 2 cannot be read: it is not valid UTF-8; sample 3: label 2 cannot be read: ");
  expect((await server.stored()).sort()).toEqual([`after prometheus@${MS}=4`, `before prometheus@${MS}=1`]);
});

/** A field of protobuf that holds bytes. */
function fieldOf(number: number, bytes: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let rest = bytes.length; ; rest = Math.floor(rest / 128)) {
    length.push(rest < 128 ? rest : (rest % 128) | 128);
    if (rest < 128) return Buffer.concat([new Uint8Array([8 * number + 2, ...length]), bytes]);
  }
}

test("a series of more labels than any has costs only itself, whatever samples it has", async () => {
  await using server = await openServer();
  const labels = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`l${i}`, ""]));
  const samples = Array.from({ length: 300 }, (_, i): Sample => [MS + i, i]);
  const body = writeRequest([
    [{ __name__: "many", ...labels }, samples],
    [{ __name__: "m" }, [[MS, 1]]],
  ]);
  const answer = await server.post(PATH, packed(body), HEADERS);
  const said = "300 refused, 1 stored: sample 1: has 66 labels; wanted at most 64; sample 2: ";
  expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(said)]);
  expect(await server.stored()).toEqual([`m prometheus@${MS}=1`]);
});

test("a sample of more than any has is not read to its end", () => {
  const long = fieldOf(1, fieldOf(2, Buffer.alloc(2_000, Uint8Array.of(0x78, 0))));
  expect(readAll(long, {})).toContain("a sample of 2000 bytes");
});

test("a series of any length is read in steps, and those behind it are, too", () => {
  const name = (metric: string) => writeRequest([[{ __name__: metric }, [[MS, 1]]]]).subarray(2);
  const [fields, parts] = [600_000, 100];
  const histograms = Buffer.alloc(2 * fields, Uint8Array.of(0x22, 0));
  // Labels last: until they are found there is nothing to be told.
  const long = Buffer.concat([fieldOf(1, Buffer.concat([histograms, name("long")])), fieldOf(1, name("behind"))]);
  const told: unknown[] = [];
  let [steps, stepOfFirst] = [0, 0];
  const reader = new WriteRequestReader(long, {
    sample: (labels) => void told.push(labels.read()),
    leftOut: () => void (stepOfFirst ||= steps),
  });
  do steps++;
  while (!reader.step(parts));
  expect([told, reader.failure]).toEqual([[[["__name__", "long"]], [["__name__", "behind"]]], undefined]);
  expect(stepOfFirst).toBeGreaterThan(fields / parts);
});

test("a label of more bytes than any has is not read", () => {
  const label = fieldOf(1, Buffer.alloc(8_194, Uint8Array.of(0x0a, 0)));
  const told: unknown[] = [];
  const series = Buffer.concat([label, writeRequest([[{}, [[MS, 1]]]]).subarray(2)]);
  expect(readAll(fieldOf(1, series), { sample: (labels) => void told.push(labels.read()) })).toBeUndefined();
  expect(told).toEqual(["label 1 has 8194 bytes; wanted at most 8192"]);
});

const time = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 45 }),
  fc.maxSafeInteger(),
  fc.constantFrom(-1, -(2 ** 28), -(2 ** 56), 2 ** 63, -(2 ** 63)),
);
const labelSet = fc.dictionary(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 }), { maxKeys: 4 });

test("whatever is sent, in steps of any size, is told as it was sent", () => {
  const samples = fc.array(fc.tuple(time, fc.double({ noNaN: true })), { maxLength: 5 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(labelSet, samples), { maxLength: 5 }),
      fc.integer({ min: 1, max: 9 }),
      (series, parts) => {
        const exact = series.map(([labels, all]) => [labels, all.filter(([timeMs]) => timeMs < 2 ** 63)] as const);
        const told: unknown[] = [];
        const sample: WriteRequestSink["sample"] = (labels, timeMs, value) => {
          told.push([Object.fromEntries(labels.read() as [string, string][]), timeMs, value]);
        };
        const body = writeRequest(
          exact.map(([labels, all]) => [labels, all.map(([at, value]) => [BigInt(at), value])]),
        );
        expect(readAll(body, { sample }, parts)).toBeUndefined();
        expect(told).toEqual(exact.flatMap(([labels, all]) => all.map(([at, value]) => [labels, at, value])));
      },
    ),
  );
});

test("exemplars, native histograms and metadata are no error; they are counted, and said once", async () => {
  await using server = await openServer();
  const [series] = [writeRequest([[{ __name__: "m" }, [[MS, 1]]]])];
  const inner = series.subarray(2);
  const empty = new Uint8Array();
  const body = Buffer.concat([
    fieldOf(1, Buffer.concat([inner, fieldOf(3, empty), fieldOf(3, empty), fieldOf(4, empty)])),
    fieldOf(3, Buffer.from("about m")),
  ]);
  for (let i = 0; i < 2; i++) expect((await server.post(PATH, packed(body), HEADERS)).status).toBe(204);
  expect(await server.stored()).toEqual([`m prometheus@${MS}=1`]);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  for (const [what, count] of [
    ["exemplar", 4],
    ["native histogram", 2],
    ["metadata", 2],
  ])
    expect(metrics).toContain(`watchpost_door_left_out_total{door="prometheus",what="${what}"} ${count}`);
  expect(server.told.filter((sentence) => sentence.includes("no number to be stored"))).toHaveLength(3);
});

test("what the sink fails with is no fault of the request", () => {
  const failing = () => {
    throw new WatchpostError("UNAVAILABLE", "the log has failed");
  };
  const body = writeRequest([[{ __name__: "m" }, [[MS, 1]]]]);
  expect(() => readAll(body, { sample: failing })).toThrow("the log has failed");
});
