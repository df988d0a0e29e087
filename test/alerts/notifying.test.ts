/** Who is told of alerts, and when, through the whole of alerts. */
import { describe, expect, test } from "bun:test";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { AlertReader } from "../../src/alerts/list-alerts.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import type { LastingJournal } from "../../src/model/lasting-journal.ts";
import { errorOf } from "../../src/wire/call-error.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { call, Reader, rest } from "./calls.ts";
import { AlertsRig, START_MS } from "./rig.ts";
import { Webhooks, webhookSetup } from "./webhooks.ts";

const HOUR_MS = 3_600_000;

test("an alert that fires outside the active times of its rule is told of when they begin, and not repeated behind them", async () => {
  const rig = new AlertsRig();
  const route = { receiver: "ops", group_wait: "0s", repeat_interval: "2h" };
  rig.file = { rules: [], notify: webhookSetup(["ops"], { route }) };
  using webhooks = new Webhooks(rig);
  await rig.open();
  const times = [{ from: "06:00", to: "09:00" }];
  await rig.put({ name: "hot", metric: "temp", condition: { threshold: { above: 80 } }, active_times: times });
  await webhooks.pass(HOUR_MS);
  await rig.send({ metric: "temp", source: "a", value: 90 });
  await webhooks.pass(23 * HOUR_MS);
  await webhooks.pass(7 * HOUR_MS);
  const hours = webhooks.told.map(({ atMs, status }) => `${(atMs - START_MS) / HOUR_MS} ${status}`);
  expect(hours).toEqual(["6 firing", "8 firing", "30 firing"]);
  await rig.close();
  expect(rig.trouble).toEqual([]);
});

describe("where nodes share the journal", () => {
  /** What is held stands on this disk all the same. */
  class Shared implements LastingJournal, AlertReader {
    readonly #rig: AlertsRig;
    readonly #listeners = new Set<(position: number) => void>();
    state: "there" | "away" | "taken over" = "there";

    constructor(rig: AlertsRig) {
      this.#rig = rig;
    }

    get isHolding(): boolean {
      return this.state === "away";
    }

    get hasHeld(): boolean {
      return this.isHolding;
    }

    readonly append: LastingJournal["append"] = async (events, changes) => {
      if (this.state === "taken over") throw new WatchpostError("FAILED_PRECONDITION", "the desk has moved");
      const entries = await this.#rig.journal.append(events, changes);
      return this.state === "away" ? null : entries;
    };
    readonly documents: LastingJournal["documents"] = (query) => this.#rig.journal.documents(query);
    readonly document: AlertReader["document"] = (...of) => this.#rig.journal.document(...of);
    readonly read: AlertReader["read"] = (query) => this.#rig.journal.read(query);

    followBrought(listener: (position: number) => void): () => void {
      this.#listeners.add(listener);
      return () => void this.#listeners.delete(listener);
    }

    bring(): void {
      this.state = "there";
      for (const listener of this.#listeners) listener(this.#rig.journal.lastPosition);
    }
  }

  const RULE = { name: "hot", metric: "temp", condition: { threshold: { above: 80 } }, escalation: "plant" };

  async function opened() {
    const rig = new AlertsRig();
    const shared = (rig.lasting = new Shared(rig));
    const route = { receiver: "ops", group_wait: "0s", group_interval: "1s" };
    const escalations = [{ name: "plant", steps: [{ after: "0s", notify: "lead" }] }];
    rig.file = { rules: [], notify: webhookSetup(["ops", "lead"], { route, escalations }) };
    const webhooks = new Webhooks(rig);
    await rig.open();
    await rig.put(RULE);
    const told = () =>
      webhooks.told
        .splice(0)
        .map((one) => `${one.receiver} ${one.status} ${one.isRepeated}`)
        .sort();
    const heats = async (source: string, value: number) => {
      await rig.send({ metric: "temp", source, value });
      await webhooks.pass(3_000);
    };
    const close = async () => {
      await rig.close();
      webhooks[Symbol.dispose]();
    };
    return { rig, shared, heats, told, close };
  }

  test("people are told while it is out of reach, marked, and not again once it is there", async () => {
    const { rig, shared, heats, told, close } = await opened();
    await heats("a", 90);
    expect(told()).toEqual(["lead firing false", "ops firing false"]);
    shared.state = "away";
    await heats("b", 90);
    expect(told()).toEqual(["lead firing true", "ops firing true"]);
    shared.bring();
    await heats("b", 91);
    expect(told()).toEqual([]);
    await heats("b", 20);
    expect(told()).toEqual(["lead resolved false", "ops firing false"]);
    await close();
    expect(rig.trouble).toEqual([]);
  });

  test("what it was told of out of reach is known to the next run, and what people do then is not answered as done", async () => {
    const { rig, shared, heats, told, close } = await opened();
    shared.state = "away";
    await heats("a", 90);
    expect(told()).toEqual(["lead firing true", "ops firing true"]);
    const [{ id }] = [...rig.alerts.book.active()];
    const act = () => call(rig, Alerts.method.acknowledgeAlert, { id, userId: "eve" });
    expect(await act().catch(errorOf)).toMatchObject({ status: "UNAVAILABLE" });
    const silence = {
      matchers: ["alertname=hot"],
      endsAt: timestampFromMs(rig.clock.nowMs() + 60_000),
      comment: "known",
    };
    const silencing = call(rig, Alerts.method.putSilence, { silence, userId: "eve" });
    expect(await silencing.catch(errorOf)).toMatchObject({ status: "UNAVAILABLE" });
    await rig.restart();
    await heats("a", 91);
    expect(told()).toEqual([]);
    expect([...rig.alerts.book.active()].map((alert) => alert.id)).toEqual([id]);
    await close();
  });

  test("whoever reads goes on behind what was written later", async () => {
    const { rig, shared, heats, close } = await opened();
    await heats("a", 90);
    const cursor = rig.journal.cursorOf(rig.journal.lastPosition);
    shared.state = "away";
    await heats("b", 90);
    const refused = new Reader(rig, { updates: true, cursor });
    await rest();
    expect(refused.ended).toContain("cannot be written down");
    shared.bring();
    const reader = new Reader(rig, { updates: true, cursor });
    await rest();
    expect(reader.said()).toEqual(["alert-2 fired medium"]);
    await reader.close();
    await close();
  });

  test("nobody is told by a run whose place another node has taken", async () => {
    const { rig, shared, heats, told, close } = await opened();
    shared.state = "taken over";
    await heats("a", 90);
    expect(told()).toEqual([]);
    shared.state = "there";
    await rig.pass(3_000);
    await close();
  });
});
