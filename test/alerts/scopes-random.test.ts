/** Whatever happens: those who see a part get what is left of the whole answer without the rest, from lists and streams. */
import { expect, test } from "bun:test";
import { isWithin, scopeOf, type Scope } from "../../src/model/access.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { deviceOf, tagOf } from "../../src/model/series-key.ts";
import { AlertChange, Alerts, AlertState, type Alert } from "../../src/wire/gen/alerts_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { randomOf } from "../support/random.ts";
import { call, Reader, rest } from "./calls.ts";
import { AlertsRig } from "./rig.ts";

const { listAlerts, listIncidents, listRules, listSilences, commentAlert, getAlertHistory, publishAlert, putSilence } =
  Alerts.method;
const DEVICES = ["a", "b", "ab"];
const SOURCES = ["gw-1", "gw-2"];
const SITES = ["", "x", "y"];
const RULES = [
  { name: "one", metric: "t", severity: "low", condition: { threshold: { above: 10 } } },
  { name: "device", metric: "t", group_by: ["device"], severity: "high", condition: { threshold: { above: 20 } } },
  { name: "site", metric: "t", group_by: ["site"], severity: "high", condition: { threshold: { above: 30 } } },
  { name: "all", metric: "t", group_by: ["nothing"], severity: "high", condition: { threshold: { above: 30 } } },
];
const STEPS = 80;

class Whole {
  readonly rig = new AlertsRig();
  readonly readers: Narrow[] = [];

  /** Out of what is registered alone, without what the server remembers. */
  isSeen(scope: Scope, { source, device, site, origin }: Readonly<Record<string, string>>): boolean {
    const own = device ?? source ?? origin;
    if (own === undefined && site === undefined) return false;
    const takes = (from: string) => {
      return scope.takes({ source: from, device: own ?? "", site: this.rig.sites.get(own ?? "") || (site ?? "") });
    };
    if (source !== undefined) return takes(source);
    if (device === undefined) return takes(origin ?? "");
    if (this.#isDeviceSeen(scope, device) || takes("")) return true;
    return origin !== undefined && this.#seriesOf(device).length === 0 && takes(origin);
  }

  seesSeries(scope: Scope, id: number): boolean {
    const identity = this.rig.registry.identityOf(id);
    const device = deviceOf(identity);
    const site = this.rig.sites.get(device) || (tagOf(identity, "site") ?? "");
    return scope.takes({ source: identity.source, device, site });
  }

  async all(): Promise<Alert[]> {
    const { alerts } = await call(this.rig, listAlerts, { limit: 10_000 });
    return alerts;
  }

  #isDeviceSeen(scope: Scope, device: string): boolean {
    const own = this.#seriesOf(device);
    if (own.length > 0) return own.some((id) => this.seesSeries(scope, id));
    return scope.takes({ source: device, device, site: this.rig.sites.get(device) ?? "" });
  }

  #seriesOf(device: string): number[] {
    const { registry } = this.rig;
    return [...registry.idsOfMetric("t")].filter((id) => deviceOf(registry.identityOf(id)) === device);
  }
}

/** Somebody who sees a part, with a stream that is interrupted now and then. */
class Narrow {
  readonly known = new Map<string, Alert>();
  resumed = 0;
  anew = 0;
  #reader: Reader;
  #cursor = "";
  #isOpen = true;
  #isResuming = false;

  constructor(
    readonly scope: Scope,
    readonly whole: Whole,
  ) {
    this.#reader = this.#open("");
  }

  /** What has come since the last action, of which nothing is told that is out of scope now. */
  async take(): Promise<void> {
    await rest();
    if (!this.#isOpen) return;
    if (this.#reader.ended.includes("OUT_OF_RANGE") || this.#reader.ended.includes("gone on from")) {
      this.anew++;
      this.#reader = this.#open("");
      await rest();
    } else if (this.#isResuming) this.resumed++;
    this.#isResuming = false;
    expect(this.#reader.ended).toBe("");
    for (const alert of this.#reader.messages.splice(0)) this.#hear(alert);
  }

  async interrupt(): Promise<void> {
    await this.take();
    this.#isOpen = false;
    await this.#reader.close();
  }

  resume(): void {
    this.#isResuming = true;
    this.#reader = this.#open(this.#cursor);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  #open(cursor: string): Reader {
    if (cursor === "") this.known.clear();
    this.#isOpen = true;
    this.#cursor = cursor;
    return new Reader(this.whole.rig, { updates: true, includeAcknowledged: true, cursor }, false, this.scope);
  }

  #hear(alert: Alert): void {
    if (alert.cursor !== "") this.#cursor = alert.cursor;
    if (alert.snapshotEnd) return;
    if (alert.change === AlertChange.MOVED && alert.removed) {
      // Of what one did not have nothing is told, not even that.
      expect([alert.id, this.known.has(alert.id)]).toEqual([alert.id, true]);
      expect([alert.title, alert.labels, alert.context]).toEqual(["", {}, {}]);
    } else expect([alert.id, this.whole.isSeen(this.scope, alert.labels)]).toEqual([alert.id, true]);
    if (alert.removed || alert.state === AlertState.CLEARED) this.known.delete(alert.id);
    else this.known.set(alert.id, alert);
  }
}

async function pagesOf({ rig }: Whole, scope: Scope, limit: number): Promise<Alert[]> {
  const found: Alert[] = [];
  for (let page = ""; ;) {
    const { alerts, nextPage } = await call(rig, listAlerts, { limit, page }, scope);
    found.push(...alerts);
    if ((page = nextPage) === "") return found;
  }
}

async function outcomeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return "done";
  } catch (error) {
    if (error instanceof WatchpostError) return error.message;
    throw error;
  }
}

const idsOf = (alerts: Iterable<{ readonly id: string }>) => [...alerts].map(({ id }) => id).sort();

async function check(whole: Whole, { scope, known }: Narrow, pick: <T>(of: readonly T[]) => T): Promise<void> {
  const { rig } = whole;
  const all = await whole.all();
  const seen = all.filter(({ labels }) => whole.isSeen(scope, labels));
  expect((await pagesOf(whole, scope, pick([1, 3, 1_000]))).map(({ id }) => id)).toEqual(seen.map(({ id }) => id));
  const active = seen.filter(({ state }) => state === AlertState.ACTIVE);
  expect(idsOf(known.values())).toEqual(idsOf(active));

  const { incidents, total } = await call(rig, listIncidents, {}, scope);
  const wanted = Map.groupBy(active, ({ incidentId }) => incidentId);
  expect([incidents.length, total]).toEqual([wanted.size, BigInt(wanted.size)]);
  for (const { id, active: count, alertIds, firstAt, rootAlertId, acknowledged, title } of incidents) {
    const own = wanted.get(id) ?? [];
    const times = own.map(({ createdAt }) => Number(createdAt!.seconds) * 1_000 + createdAt!.nanos / 1e6);
    expect([id, count, idsOf(alertIds.map((each) => ({ id: each })))]).toEqual([id, BigInt(own.length), idsOf(own)]);
    expect(firstAt).toMatchObject(timestampOfMs(Math.min(...times)));
    expect(own.map((alert) => alert.id)).toContain(rootAlertId);
    // Values go with the samples.
    const named = (text: string) => text.replace(/ is .*/, "");
    expect(own.map((alert) => named(alert.title))).toContain(named(title));
    expect(acknowledged).toBe(own.every((alert) => alert.acknowledged));
  }

  const silences = await call(rig, listSilences, {});
  const seenSilences = silences.silences.filter(({ scope: of, matchers }) => {
    const own = of && scopeOf(of);
    if (own !== undefined && isWithin(own, scope)) return true;
    const [, rule] = /alertname="(.*)"/.exec(matchers[0])!;
    return active.some((alert) => alert.rule === rule && (own === undefined || whole.isSeen(own, alert.labels)));
  });
  expect(idsOf((await call(rig, listSilences, {}, scope)).silences)).toEqual(idsOf(seenSilences));

  const ids = [...rig.registry.idsOfMetric("t")];
  const watches = ids.some((id) => whole.seesSeries(scope, id));
  const rules = RULES.map(({ name }) => name).filter((name) => watches || active.some(({ rule }) => rule === name));
  expect((await call(rig, listRules, {}, scope)).rules.map(({ rule }) => rule!.name)).toEqual(rules.sort());

  if (all.length === 0) return;
  const { id, labels } = pick(all);
  const missing = `there is no alert ${JSON.stringify(id)}`;
  const isSeen = whole.isSeen(scope, labels);
  expect(await outcomeOf(call(rig, getAlertHistory, { id }, scope))).toBe(isSeen ? "done" : missing);
  expect(await outcomeOf(call(rig, commentAlert, { id, text: "x" }, scope))).toBe(isSeen ? "done" : missing);
}

for (let seed = 1; seed <= 4; seed++) {
  test(`what is seen is the whole without the rest (seed ${seed})`, async () => {
    const random = randomOf(seed);
    const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
    const some = (of: readonly string[]) =>
      of.filter((text) => text !== "" && random() < 0.35).map((text) => pick([text, `${text}*`]));
    const whole = new Whole();
    const { rig } = whole;
    await rig.open();
    await rig.put(...RULES);
    for (let i = 0; i < 5; i++) {
      let scope = scopeOf({ sources: [], devices: [], sites: [] });
      while (scope.isEverything)
        scope = scopeOf({ sources: some(SOURCES), devices: some(DEVICES), sites: some(SITES) });
      whole.readers.push(new Narrow(scope, whole));
    }
    const send = async () => {
      const readings = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
        const site = pick(SITES);
        const tags = { device: pick(DEVICES), ...(site !== "" && { site }) };
        return { metric: "t", source: pick(SOURCES), tags, value: pick([0, 5, 15, 25, 35]) };
      });
      await rig.send(...readings);
    };
    const publish = async () => {
      const labels: Record<string, string> = { n: pick(["1", "2"]) };
      if (random() < 0.6) labels["device"] = pick([...DEVICES, "other"]);
      if (random() < 0.4) labels["source"] = pick(SOURCES);
      if (random() < 0.4) labels["site"] = pick(["x", "y"]);
      if (random() < 0.3) labels["origin"] = pick(SOURCES);
      const { scope } = pick(whole.readers);
      const outcome = await outcomeOf(call(rig, publishAlert, { rule: "door", labels }, scope));
      const isSeen = whole.isSeen(scope, labels);
      expect([labels, outcome === "done"]).toEqual([labels, isSeen]);
    };
    const silence = async () => {
      const { scope } = pick(whole.readers);
      const matchers = [`alertname=${pick(RULES).name}`];
      const endsAt = timestampOfMs(rig.clock.nowMs() + 20_000);
      await call(rig, putSilence, { silence: { matchers, endsAt } }, random() < 0.5 ? scope : undefined);
    };
    for (let step = 0; step < STEPS; step++) {
      const interrupted = random() < 0.3 ? pick(whole.readers) : undefined;
      await interrupted?.interrupt();
      for (let actions = 1 + Math.floor(random() * 3); actions > 0; actions--) {
        const what = random();
        if (what < 0.55) await send();
        else if (what < 0.75) rig.move(pick([...DEVICES, SOURCES[0]]), pick(SITES));
        else if (what < 0.92) await publish();
        else await silence();
        await rig.advance(1);
        for (const reader of whole.readers) await reader.take();
      }
      // What has moved is told within a second.
      await rig.advance(900);
      await rest();
      interrupted?.resume();
      for (const reader of whole.readers) await reader.take();
      for (const reader of whole.readers) await check(whole, reader, pick);
      for (const reader of whole.readers) await reader.take();
    }
    expect(whole.readers.some(({ anew }) => anew > 0)).toBe(true);
    expect(whole.readers.some(({ resumed }) => resumed > 0)).toBe(true);
    for (const reader of whole.readers) await reader.close();
    await rig.close();
  }, 120_000);
}
