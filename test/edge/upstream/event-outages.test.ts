/** Alerts and devices over outages: whatever fails on the way, the upstream ends with what stands here. */
import { create, fromBinary, toJsonString } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import type { EventCall } from "../../../src/edge/upstream/event-calls.ts";
import { UpstreamEvents } from "../../../src/edge/upstream/upstream-events.ts";
import { WatchpostError, type StatusName } from "../../../src/model/errors.ts";
import { AlertSchema, ListAlertsResponseSchema, PublishAlertRequestSchema } from "../../../src/wire/gen/alerts_pb.ts";
import {
  DeviceEventSchema,
  DeviceSchema,
  ListDevicesResponseSchema,
  RegisterDeviceRequestSchema,
  UpdateDeviceRequestSchema,
  type Device,
} from "../../../src/wire/gen/devices_pb.ts";
import { turns } from "../../ingestion/rig.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { randomOf } from "../../support/random.ts";

const FAILURES: readonly StatusName[] = [
  "UNAVAILABLE",
  "INTERNAL",
  "RESOURCE_EXHAUSTED",
  "DEADLINE_EXCEEDED",
  "ABORTED",
];
const FIELDS = ["name", "site", "firmware"] as const;

/** What an upstream makes of the calls. */
class Centre {
  alerts = new Set<string>();
  devices = new Map<string, Record<string, string>>();

  take({ method, request }: EventCall): void {
    if (method.name === "PublishAlert") {
      const { rule, cleared } = fromBinary(PublishAlertRequestSchema, request);
      if (!cleared) this.alerts.add(rule);
      else if (!this.alerts.delete(rule)) throw new WatchpostError("NOT_FOUND", "no such alert");
    } else if (method.name === "RegisterDevice") {
      const device = fromBinary(RegisterDeviceRequestSchema, request).device!;
      if (this.devices.has(device.deviceId)) throw new WatchpostError("ALREADY_EXISTS", "registered already");
      this.devices.set(device.deviceId, fieldsOf(device));
    } else {
      const { device, fields } = fromBinary(UpdateDeviceRequestSchema, request);
      const known = this.devices.get(device!.deviceId);
      if (known === undefined) throw new WatchpostError("NOT_FOUND", "no such device");
      for (const field of fields) known[field] = fieldsOf(device!)[field];
    }
  }
}

function fieldsOf(device: Pick<Device, (typeof FIELDS)[number]>): Record<string, string> {
  return Object.fromEntries(FIELDS.map((field) => [field, device[field]]));
}

for (let seed = 1; seed <= 12; seed++) {
  test(`events over 60 failures, kills and lost upstreams: seed ${seed}`, async () => {
    const random = randomOf(seed);
    const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
    const journal = new MemoryJournal();
    const clock = new ManualClock();
    const alerts = new Set<string>();
    const devices = new Map<string, Device>();
    let centre = new Centre();
    let failing = 0;
    let stored = { eventsAfter: null as number | null, isStandingTold: false };
    // What is written down may lag behind what was told.
    const begin = () => {
      const state = {
        ...stored,
        eventsDelivered(position: number, isStandingTold: boolean) {
          Object.assign(this, { eventsAfter: position, isStandingTold });
        },
      };
      const events = new UpstreamEvents({
        ...{ journal, clock, state, name: "edge" },
        lists: {
          alerts: async () => {
            const standing = [...alerts].map((rule) => create(AlertSchema, { rule, title: rule, severity: "high" }));
            return create(ListAlertsResponseSchema, { alerts: standing });
          },
          devices: async () => create(ListDevicesResponseSchema, { devices: [...devices.values()] }),
        },
        random,
        isConnected: () => true,
        call: async (call) => {
          if (random() < failing) {
            // The answer may be what is lost.
            if (random() < 0.5) takeQuietly(call);
            throw new WatchpostError(one(FAILURES), "on purpose", { retryAfterMs: 10 });
          }
          centre.take(call);
        },
        onTrouble: () => {},
      });
      return { events, state };
    };
    const takeQuietly = (call: EventCall) => {
      try {
        centre.take(call);
      } catch {
        // Its answer is lost as well.
      }
    };
    const append = async (kind: string, subject: string, payload: string) => {
      await journal.append([{ atMs: 1, kind, subject, actor: "", payload }]);
    };
    const change = async () => {
      if (random() < 0.5) {
        const rule = one(["a", "b", "c", "d"]);
        const isOver = alerts.delete(rule);
        if (!isOver) alerts.add(rule);
        const says = { labels: {}, title: rule };
        const alert = { rule, severity: "high", says, clearedAtMs: isOver ? 1 : null };
        return append("alert", `${rule} ${journal.lastPosition}`, JSON.stringify({ alert }));
      }
      const deviceId = one(["p", "q", "r"]);
      const known = devices.get(deviceId);
      const field = one(FIELDS);
      const device = create(DeviceSchema, {
        ...{ deviceId, revision: (known?.revision ?? 0n) + 1n, ...(known && fieldsOf(known)) },
        [field]: String(journal.lastPosition),
      });
      devices.set(deviceId, device);
      const event = { kind: known ? "updated" : "registered", device, changed: known ? [field] : [] };
      return append("device", deviceId, toJsonString(DeviceEventSchema, create(DeviceEventSchema, event)));
    };

    let now = begin();
    const save = () => {
      const { eventsAfter, isStandingTold } = now.state;
      stored = { eventsAfter, isStandingTold };
    };
    const trouble: readonly (() => void)[] = [
      () => (failing = 0.3),
      () => (failing = 0.9),
      () => (failing = 0),
      save,
      () => {
        now.events.close();
        now = begin();
      },
      () => {
        centre = new Centre();
        now.events.restart();
        // With whom it heard; otherwise it hears of another one again.
        save();
      },
    ];
    for (let i = 0; i < 60; i++) {
      one(trouble)();
      for (let n = Math.floor(random() * 8); n > 0; n--) {
        await change();
        if (random() < 0.3) await turns();
      }
      clock.advance(one([0, 100, 5_000, 90_000]));
      await turns();
    }
    failing = 0;
    for (let i = 0; i < 20; i++) {
      clock.advance(60_000);
      await turns();
    }
    expect(now.events.status).toMatchObject({ queued: 0, late: 0, refused: 0 });
    expect([...centre.alerts].sort()).toEqual([...alerts].sort());
    expect(Object.fromEntries(centre.devices)).toEqual(
      Object.fromEntries([...devices].map(([id, device]) => [id, fieldsOf(device)])),
    );
  });
}
