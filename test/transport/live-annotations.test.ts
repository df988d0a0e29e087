/** `GET /live?annotations=1`: annotations of the charts beside their values; going on behind the last one; and merging. */
import { create, toBinary } from "@bufbuild/protobuf";
import { heapStats } from "bun:jsc";
import { afterEach, expect, test } from "bun:test";
import { HealthState } from "../../src/transport/health.ts";
import { merged } from "../../src/transport/merged.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { startWebServer } from "../../src/transport/web-server.ts";
import { Collaboration } from "../../src/wire/gen/collaboration_pb.ts";
import { Dashboard, DashboardDataSchema } from "../../src/wire/gen/dashboard_pb.ts";
import { rawServerStreaming } from "../../src/wire/service.ts";
import { AnnotationsRig } from "../collaboration/annotations/rig.ts";
import { OPEN } from "../support/open-gate.ts";

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

async function start() {
  const rig = new AnnotationsRig();
  const server = await startWebServer({
    ...OPEN,
    address: "127.0.0.1:0",
    methods: [
      ...rig.methods,
      rawServerStreaming(Dashboard.method.subscribeMetrics, async function* (_, { signal }) {
        yield toBinary(DashboardDataSchema, create(DashboardDataSchema, { metrics: [{ name: "m:s", value: 1 }] }));
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      }),
    ],
    health: new HealthState(),
    received: new ReceivedBytes(1024 * 1024),
    origins: [],
    metricsText: async () => "",
  });
  opened.push({ close: () => server.drain(0) });
  return { rig, url: `http://${server.address}/live` };
}

interface Event {
  readonly type: string;
  readonly id: string;
  readonly text: string;
}

/** What comes over `/live`, comments and the time to come again left out. */
class Live {
  readonly #reader: Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel">;
  #rest = "";

  constructor(response: Response) {
    this.#reader = response.body!.getReader();
    opened.push({ close: () => this.#reader.cancel() });
  }

  async next(): Promise<Event> {
    for (;;) {
      const end = this.#rest.indexOf("\n\n");
      if (end < 0) {
        const { value, done } = await this.#reader.read();
        if (done) return { type: "end of stream", id: "", text: "" };
        this.#rest += new TextDecoder().decode(value);
        continue;
      }
      const lines = this.#rest.slice(0, end).split("\n");
      this.#rest = this.#rest.slice(end + 2);
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? "";
      if (field("data") === "") continue;
      const { annotation, snapshotEnd, removed } = JSON.parse(field("data")) as Record<string, never>;
      const said = annotation === undefined ? "" : `${annotation["text"]}${removed ? " removed" : ""}`;
      return { type: field("event") || "message", id: field("id"), text: snapshotEnd ? "snapshot end" : said };
    }
  }
}

async function live(url: string, headers: Record<string, string> = {}): Promise<Live> {
  return new Live(await fetch(url, { headers }));
}

const typesOf = async (stream: Live, count: number) => {
  const events: Event[] = [];
  while (events.length < count) events.push(await stream.next());
  return events.map(({ type, text }) => `${type} ${text}`.trim());
};

test("those of the charts of its metrics and filters, as they change", async () => {
  const { rig, url } = await start();
  const stream = await live(`${url}?metric=temp_*&metric=load&filter.device=d1&annotations=1`);
  expect(await typesOf(stream, 2)).toEqual(["message", "annotation snapshot end"]);
  await rig.create({ pin: { metric: "other", device: "d1" }, text: "another metric" });
  await rig.create({ pin: { metric: "load" }, text: "metric" });
  await rig.create({ pin: { device: "d2" }, text: "another device" });
  const { id } = await rig.create({ pin: { device: "d1" }, text: "device\n\nevent: end" });
  await rig.call(Collaboration.method.removeAnnotation, { id });
  expect(await typesOf(stream, 3)).toEqual([
    "annotation metric",
    "annotation device\n\nevent: end",
    "annotation device\n\nevent: end removed",
  ]);
});

test("all of them beside all metrics, and none where they are not asked for", async () => {
  const { rig, url } = await start();
  const [all, none] = [await live(`${url}?metric=*&annotations=true`), await live(`${url}?metric=*&annotations=0`)];
  expect(await typesOf(all, 2)).toEqual(["message", "annotation snapshot end"]);
  await rig.create({ pin: { alertId: "a1" }, text: "alert" });
  expect(await typesOf(all, 1)).toEqual(["annotation alert"]);
  expect(await typesOf(none, 1)).toEqual(["message"]);
  const wrong = await fetch(`${url}?metric=*&annotations=yes`);
  expect([wrong.status, await wrong.text()]).toEqual([400, 'annotations is "yes"; wanted true or false\n']);
});

test("goes on behind the last event that a browser names, and begins anew where that is not possible", async () => {
  const { rig, url } = await start();
  const first = await live(`${url}?metric=*&annotations=1`);
  await first.next();
  const mark = await first.next();
  await rig.create({ pin: { metric: "m" }, text: "one" });
  const one = await first.next();
  await rig.create({ pin: { metric: "m" }, text: "two" });
  const behind = (id: string) => live(`${url}?metric=*&annotations=1`, { "last-event-id": id });
  expect(await typesOf(await behind(one.id), 2)).toEqual(["message", "annotation two"]);
  expect(await typesOf(await behind(mark.id), 3)).toEqual(["message", "annotation one", "annotation two"]);
  expect(await typesOf(await behind("cursor--7"), 2)).toEqual(["message", "annotation snapshot end"]);
});

test("merged: what comes first comes first, nobody is asked ahead, and the end of one ends all", async () => {
  const asked: string[] = [];
  const ended: string[] = [];
  async function* source(name: string, count: number, pause: () => Promise<void>) {
    try {
      for (let i = 0; i < count; i++) {
        asked.push(`${name}${i}`);
        yield `${name}${i}`;
        await pause();
      }
    } finally {
      ended.push(name);
    }
  }
  const stream = merged([source("a", 3, async () => {}), source("b", 9, () => Promise.resolve())]);
  const taken: string[] = [];
  for await (const one of stream) {
    taken.push(one);
    // One that was given and one that waits, of each.
    expect(asked.length).toBeLessThanOrEqual(taken.length + 2);
  }
  expect(taken.filter((one) => one.startsWith("a"))).toEqual(["a0", "a1", "a2"]);
  expect(taken.filter((one) => one.startsWith("b")).length).toBeGreaterThanOrEqual(2);
  await Bun.sleep(0);
  expect(ended.toSorted()).toEqual(["a", "b"]);
});

/** Gives what it is told to, when it is. */
function manual() {
  const asked: PromiseWithResolvers<IteratorResult<string>>[] = [];
  const source = {
    next: () => {
      asked.push(Promise.withResolvers());
      return asked.at(-1)!.promise;
    },
    return: async () => ({ done: true as const, value: undefined }),
  };
  return { source, last: () => asked.at(-1)!, asked };
}

test("merged: nothing is kept of what one gave while another is quiet", async () => {
  async function* busy() {
    for (let i = 0; ; i++) yield `event ${i}`;
  }
  const quiet = manual();
  const stream = merged<string>([busy(), quiet.source]);
  const promisesAfter = async (events: number) => {
    for (let i = 0; i < events; i++) await stream.next();
    Bun.gc(true);
    return heapStats().objectTypeCounts["Promise"] ?? 0;
  };
  const before = await promisesAfter(1_000);
  const events = 20_000;
  expect((await promisesAfter(events)) - before).toBeLessThan(events / 20);
  quiet.last().resolve({ done: false, value: "at last" });
  const next = [await stream.next(), await stream.next()].map(({ value }) => value);
  expect(next).toContain("at last");
  quiet.last().resolve({ done: true, value: undefined });
  for (let left = 2; (await stream.next()).done !== true; left--) expect(left).toBeGreaterThan(0);
});

test("merged: what one fails with comes in its turn, and ends all; a reader that leaves waits for nobody", async () => {
  const [first, second] = [manual(), manual()];
  const stream = merged([first.source, second.source]);
  const one = stream.next();
  first.last().resolve({ done: false, value: "one" });
  second.last().reject(new Error("broken"));
  expect(await one).toEqual({ done: false, value: "one" });
  await expect(stream.next()).rejects.toThrow("broken");
  expect(await stream.next()).toEqual({ done: true, value: undefined });
  expect([first.asked.length, second.asked.length]).toEqual([2, 1]);

  const left = merged([
    manual().source,
    (async function* () {
      yield "one";
      await new Promise(() => {});
    })(),
  ]);
  expect((await left.next()).value).toBe("one");
  expect(await left.return()).toEqual({ done: true, value: undefined });
});
