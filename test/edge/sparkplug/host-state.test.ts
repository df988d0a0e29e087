/** STATE of a primary host application. */
import { expect, test } from "bun:test";
import { deniesHost, hostBirth, hostDeath } from "../../../src/edge/sparkplug/host-state.ts";

const json = (payload: Uint8Array) => JSON.parse(new TextDecoder().decode(payload)) as unknown;
const bytes = (text: string) => new TextEncoder().encode(text);

test("birth and death: tck-id-payloads-state-birth-payload, -will-message-payload, -qos, -retain", () => {
  const birth = hostBirth("scada", 1_700_000_000_000.7);
  expect(birth).toMatchObject({ topic: "spBv1.0/STATE/scada", qos: 1, retain: true });
  expect(json(birth.payload)).toEqual({ online: true, timestamp: 1_700_000_000_000 });
  const death = hostDeath("scada", 1_700_000_000_000);
  expect(death).toMatchObject({ topic: "spBv1.0/STATE/scada", qos: 1, retain: true });
  expect(json(death.payload)).toEqual({ online: false, timestamp: 1_700_000_000_000 });
});

test("somebody says that it is offline: tck-id-message-flow-hid-sparkplug-state-message-delivered", () => {
  const topic = "spBv1.0/STATE/scada";
  expect(deniesHost("scada", { topic, payload: bytes('{"online":false,"timestamp":1}') })).toBe(true);
  expect(deniesHost("scada", { topic, payload: bytes('{"online":true,"timestamp":1}') })).toBe(false);
  expect(deniesHost("other", { topic, payload: bytes('{"online":false}') })).toBe(false);
  for (const text of ["", "OFFLINE", "null", "[]", "\xff", `{"online":false,"x":"${"x".repeat(2_000)}"}`]) {
    expect(deniesHost("scada", { topic, payload: bytes(text) })).toBe(false);
  }
});
