import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { documentOfDevice } from "../../src/devices/device-documents.ts";
import { FollowedDevices } from "../../src/devices/followed-devices.ts";
import type { DocumentChange, StoredDocument } from "../../src/model/journal.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { SensorSchemas } from "../../src/model/sensor-schemas.ts";
import { DeviceSchema } from "../../src/wire/gen/devices_pb.ts";

function change(deviceId: string, site: string, unit = ""): DocumentChange {
  const sensors = unit === "" ? [] : [{ metricName: "temperature", unit }];
  return documentOfDevice(create(DeviceSchema, { deviceId, site, sensors }));
}

test("sites and sensors follow what another node writes, and say which devices have moved", async () => {
  const registry = new SeriesRegistry({ seriesMax: 100, seriesPerSourceMax: 100 });
  const schemas = new SensorSchemas(registry);
  const id = registry.add(seriesKey("temperature", "gw", [["device", "press"]]), "gw") as number;
  const moved: string[] = [];
  const stored = [change("press", "hall-1", "°C")] as StoredDocument[];
  const followed = await FollowedDevices.open({
    journal: { documents: async ({ after }) => (after === undefined ? stored : []) },
    ...{
      registry,
      schemas,
      onMoved: (deviceId) => moved.push(deviceId),
      onTrouble: (sentence) => moved.push(sentence),
    },
  });
  expect([followed.siteOf("press"), followed.siteOf("other")]).toEqual(["hall-1", ""]);
  expect(schemas.unitOf(registry.keyOf(id))).toBe("°C");
  expect([...followed.seriesOf("press")]).toEqual([id]);
  const later = registry.add(seriesKey("speed", "gw", [["device", "press"]]), "gw") as number;
  expect([...followed.seriesOf("press")]).toEqual([id, later]);
  registry.forget([id]);
  expect([...followed.seriesOf("press")]).toEqual([later]);

  moved.length = 0;
  followed.apply([change("press", "hall-1"), { collection: "elsewhere", key: "press", sort: 0, value: "{}" }]);
  expect(moved).toEqual([]);
  followed.apply([change("press", "hall-2"), change("saw", "hall-1")]);
  expect(moved).toEqual(["press", "saw"]);
  followed.apply([{ ...change("press", ""), value: null }]);
  expect([followed.siteOf("press"), followed.siteOf("saw")]).toEqual(["", "hall-1"]);
  followed.close();
});
