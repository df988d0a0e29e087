/** Changes out of a journal in memory: paged, watched, resumed; what cannot be read is left out. */
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { EVERYTHING, scopeOf, type Scope } from "../../src/model/access.ts";
import type { JournalEvent } from "../../src/model/journal.ts";
import { SetAside } from "../../src/model/set-aside.ts";
import { listChanges, watchChanges, type ChangesDeps } from "../../src/overview/changes.ts";
import {
  ListChangesRequestSchema,
  WatchChangesRequestSchema,
  type Change,
  type ListChangesResponse,
} from "../../src/wire/gen/server_pb.ts";
import { MemoryJournal } from "../support/memory-journal.ts";
import { randomOf } from "../support/random.ts";

function rigOf(journal = new MemoryJournal()) {
  const troubles: string[] = [];
  let told = 0;
  const tell = ({ subject, payload }: JournalEvent) => {
    told++;
    if (payload === "broken") throw new SyntaxError("no change");
    return payload === "chat" ? undefined : { event: payload, subject, text: `${subject} ${payload}` };
  };
  const placed = (entry: JournalEvent) => {
    const said = tell(entry);
    const site = () => sites.get(entry.subject) ?? "";
    const isSeen = (scope: Scope) => scope.takes({ source: "", device: "", site: site() });
    // Some have to be looked up.
    const later = async (scope: Scope) => isSeen(scope);
    return said && { ...said, isSeen: entry.kind === "alert" ? later : isSeen };
  };
  /** By device. */
  const sites = new Map<string, string>();
  const setAside = new SetAside((sentence) => troubles.push(sentence));
  const deps: ChangesDeps = {
    ...{ journal, setAside, tellers: { device: placed, alert: placed, session: tell } },
  };
  const note = (kind: string, subject: string, payload = "changed", actor = "ann") =>
    journal.append([{ atMs: journal.lastPosition, kind, subject, actor, payload }]);
  const list = (wanted: object = {}, scope = EVERYTHING) =>
    listChanges(create(ListChangesRequestSchema, wanted), scope, deps) as Promise<ListChangesResponse>;
  const watch = (wanted: object, signal: AbortSignal, scope = EVERYTHING) =>
    watchChanges(create(WatchChangesRequestSchema, wanted), scope, deps, signal);
  return { journal, troubles, sites, note, list, watch, tellings: () => told };
}

const subjects = (changes: readonly Change[]) => changes.map(({ subject }) => subject);

describe("list", () => {
  test("all kinds together, the last one first, page by page, none twice and none left out", async () => {
    const { note, list } = rigOf();
    const wanted: string[] = [];
    for (let i = 0; i < 700; i++) {
      const kind = ["device", "alert", "session", "secret"][(i * 7) % 4];
      await note(kind, String(i));
      if (kind !== "secret") wanted.unshift(String(i));
    }
    const found: string[] = [];
    let page = "";
    do {
      const { changes, nextPage } = await list({ page, limit: 41 });
      expect(changes.length).toBeLessThanOrEqual(41);
      found.push(...subjects(changes));
      page = nextPage;
    } while (page !== "");
    expect(found).toEqual(wanted);
    expect(subjects((await list({ kinds: ["alert"], limit: 2 })).changes)).toEqual(["699", "695"]);
  });

  test("says who, what and when; the server itself has no name", async () => {
    const { note, list } = rigOf();
    await note("device", "pump", "registered");
    await note("alert", "leak", "fired", "system");
    const { changes, nextPage } = await list();
    expect(nextPage).toBe("");
    expect(changes).toMatchObject([
      { kind: "alert", event: "fired", subject: "leak", userId: "", text: "leak fired" },
      { kind: "device", event: "registered", subject: "pump", userId: "ann", cursor: "cursor-1" },
    ]);
  });

  test("a page ends after much that is no change, and the next one goes on", async () => {
    const { journal, note, list } = rigOf();
    await note("session", "first");
    const chat = { atMs: 0, kind: "session", subject: "room", actor: "ann", payload: "chat" };
    await journal.append(Array.from({ length: 6_000 }, () => chat));
    const first = await list();
    expect(first.changes).toEqual([]);
    expect(first.nextPage).not.toBe("");
    const second = await list({ page: first.nextPage });
    expect(subjects(second.changes)).toEqual(["first"]);
    expect(second.nextPage).toBe("");
  });

  test("what another version wrote is left out and said once; long texts are cut", async () => {
    const { note, list, troubles } = rigOf();
    await note("device", "x".repeat(5_000));
    await note("device", "b", "broken");
    for (let i = 0; i < 2; i++) expect((await list()).changes[0].text).toHaveLength(1_001);
    expect(troubles).toHaveLength(1);
  });

  test.each([
    [{ kinds: ["alert", "points"] }, "kinds[1]"],
    [{ limit: 501 }, "limit"],
    [{ limit: -1 }, "limit"],
  ])("%p is refused by name", async (wanted, field) => {
    expect(rigOf().list(wanted)).rejects.toThrow(field);
  });
});

describe("watch", () => {
  test("the last ones first, a mark, then each that comes; a new stream goes on behind, also with another process", async () => {
    const { journal, note, watch } = rigOf();
    for (const id of ["a", "b", "c"]) await note("device", id);
    const over = new AbortController();
    const stream = watch({ last: 2 }, over.signal);
    const next = async () => (await stream.next()).value as Change;
    expect([(await next()).subject, (await next()).subject]).toEqual(["b", "c"]);
    const { snapshotEnd, cursor } = await next();
    expect([snapshotEnd, cursor]).toEqual([true, "cursor-3"]);
    const waiting = next();
    await note("secret", "s");
    await note("alert", "d");
    expect((await waiting).subject).toBe("d");
    over.abort();
    expect((await stream.next()).done).toBe(true);

    const again = rigOf(journal);
    await again.note("session", "e");
    const second = new AbortController();
    const resumed = again.watch({ cursor }, second.signal);
    const got = [(await resumed.next()).value as Change, (await resumed.next()).value as Change];
    expect(subjects(got)).toEqual(["d", "e"]);
    const live = resumed.next();
    await again.note("device", "f");
    expect(((await live).value as Change).subject).toBe("f");
    second.abort();
  });

  test("what comes while the last ones are read comes behind the mark, once", async () => {
    const { journal, note, watch } = rigOf();
    await note("device", "a");
    const over = new AbortController();
    const { read } = journal;
    journal.read = async (query) => {
      journal.read = read;
      const entries = await read.call(journal, query);
      await note("device", "late");
      return entries;
    };
    const stream = watch({ last: 5 }, over.signal);
    const got: string[] = [];
    for await (const { subject, snapshotEnd } of stream) {
      got.push(snapshotEnd ? "|" : subject);
      if (subject === "late") over.abort();
    }
    expect(got).toEqual(["a", "|", "late"]);
  });

  test("however many watch, an entry is read once", async () => {
    const { note, watch, tellings } = rigOf();
    const over = new AbortController();
    const streams = Array.from({ length: 5 }, () => watch({}, over.signal));
    for (const stream of streams) expect(((await stream.next()).value as Change).snapshotEnd).toBe(true);
    const waiting = streams.map((stream) => stream.next());
    await note("device", "a");
    expect((await Promise.all(waiting)).map(({ value }) => (value as Change).subject)).toEqual(Array(5).fill("a"));
    expect(tellings()).toBe(1);
    over.abort();
  });

  test("a reader that falls behind is told so, and one with a cursor of before is out of range", async () => {
    const { journal, note, watch } = rigOf();
    const over = new AbortController();
    const stream = watch({}, over.signal);
    expect(((await stream.next()).value as Change).snapshotEnd).toBe(true);
    const waiting = stream.next();
    await note("device", "0");
    await waiting;
    for (let i = 1; i < 10_100; i++) await note("device", String(i));
    expect(stream.next()).rejects.toThrow("10000 changes behind");
    journal.firstPosition = 500;
    expect(watch({ cursor: "cursor-3" }, over.signal).next()).rejects.toThrow("no longer kept");
  });
});

describe("those who see a part", () => {
  const BERLIN = scopeOf({ sources: [], devices: [], sites: ["berlin"] });

  test("hear of what is in their scope, while it is; of what is nowhere nothing", async () => {
    const { note, watch, sites } = rigOf();
    const over = new AbortController();
    const stream = watch({}, over.signal, BERLIN);
    expect(((await stream.next()).value as Change).snapshotEnd).toBe(true);
    const waiting = stream.next();
    sites.set("pump", "berlin").set("fan", "hamburg");
    await note("session", "pump");
    await note("device", "fan");
    await note("device", "pump");
    expect(((await waiting).value as Change).subject).toBe("pump");
    await note("device", "pump", "late");
    sites.set("pump", "hamburg").set("fan", "berlin");
    await note("device", "fan");
    expect(((await stream.next()).value as Change).subject).toBe("fan");
    over.abort();
  });

  for (let seed = 1; seed <= 5; seed++) {
    test(`lists, pages and streams are those of everybody without the rest (seed ${seed})`, async () => {
      const random = randomOf(seed);
      const any = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
      const { note, list, watch, sites } = rigOf();
      for (let i = 0; i < 300; i++) {
        await note(any(["device", "alert", "session"]), any(["a", "b", "c", "d"]), `change ${i}`);
        if (random() < 0.05) sites.set(any(["a", "b", "c", "d"]), any(["berlin", "hamburg"]));
      }
      const all: Change[] = [];
      for (let page = ""; ;) {
        const { changes, nextPage } = await list({ page, limit: 500 });
        all.push(...changes);
        if ((page = nextPage) === "") break;
      }
      const isSeen = ({ kind, subject }: Change) => kind !== "session" && sites.get(subject) === "berlin";
      const wanted = all.filter(isSeen).map(({ cursor }) => cursor);
      const found: string[] = [];
      for (let page = ""; ;) {
        const { changes, nextPage } = await list({ page, limit: 1 + Math.floor(random() * 20) }, BERLIN);
        found.push(...changes.map(({ cursor }) => cursor));
        if ((page = nextPage) === "") break;
      }
      expect(found).toEqual(wanted);
      const over = new AbortController();
      const heard: string[] = [];
      const behind = watch({ cursor: "cursor-0" }, over.signal, BERLIN);
      for (const _ of wanted) heard.push(((await behind.next()).value as Change).cursor);
      expect(heard).toEqual([...wanted].reverse());
      over.abort();
    });
  }
});
