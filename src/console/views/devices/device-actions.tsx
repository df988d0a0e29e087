import { useState } from "preact/hooks";
import { Devices, type Device } from "../../../wire/gen/devices_pb.ts";
import { devicesApi } from "../../api.ts";
import { batteryOf, batteryText } from "../../data/battery.ts";
import { devicesCsv, isoOf } from "../../data/device-csv.ts";
import { devices } from "../../data/devices.ts";
import { lastSeenMs } from "../../data/last-seen.ts";
import { countOf } from "../../format.ts";
import { serverNowMs } from "../../now.ts";
import { confirm } from "../../parts/dialog.tsx";
import { Menu } from "../../parts/menu.tsx";
import { saveFile } from "../../parts/save-file.ts";
import { tell, tellError } from "../../parts/toast.tsx";
import { go, pathTo } from "../../route.ts";
import { user } from "../../user.ts";
import { DeviceForm } from "./device-form.tsx";
import { ImportDialog } from "./import-dialog.tsx";
import { may } from "../../who.ts";

interface DeviceActionsProps {
  readonly found: readonly Device[];
  readonly chosen: ReadonlySet<string>;
  /** What was chosen is dealt with. */
  onDone(): void;
}

/** What is done with those that are chosen, or with those that are shown. */
export function DeviceActions({ found, chosen, onDone }: DeviceActionsProps) {
  const [open, setOpen] = useState<"register" | "import">();
  const isChosen = chosen.size > 0;
  const meant = isChosen ? [...chosen].flatMap((id) => devices.value.get(id) ?? []) : found;
  const which = isChosen ? countOf(meant.length, "chosen device") : `all ${countOf(meant.length, "device")} shown`;
  return (
    <div class="push toolbar devices-actions">
      {isChosen && (
        <>
          <span role="status">{countOf(meant.length, "device")} chosen</span>
          <button type="button" class="quiet" onClick={onDone}>
            Choose none
          </button>
        </>
      )}
      {may(Devices.method.registerDevice) && (
        <button type="button" onClick={() => setOpen("register")}>
          Register
        </button>
      )}
      <Menu
        label="More"
        items={[
          { label: `Export ${which} as CSV`, isDisabled: meant.length === 0, choose: () => save(meant) },
          ...(may(Devices.method.importDevices)
            ? [{ label: "Import from CSV or JSON …", choose: () => setOpen("import") }]
            : []),
          ...(may(Devices.method.deleteDevice)
            ? [
                {
                  label: isChosen ? `Delete ${countOf(meant.length, "device")} …` : "Delete: choose devices first",
                  isDisabled: !isChosen,
                  isDangerous: true,
                  choose: () => void deleteDevices(meant, onDone),
                },
              ]
            : []),
        ]}
      />
      {open === "register" && (
        <DeviceForm
          onClose={() => setOpen(undefined)}
          onSaved={({ deviceId, name }) => {
            setOpen(undefined);
            tell(`${name || deviceId} is registered`, { label: "Show", run: () => go(pathTo("devices", deviceId)) });
          }}
        />
      )}
      {open === "import" && <ImportDialog onClose={() => setOpen(undefined)} />}
    </div>
  );
}

/** Asks first. Resolves with whether all are deleted. */
export async function deleteDevices(those: readonly Device[], onDone: () => void): Promise<boolean> {
  const [one] = those;
  const what = those.length === 1 ? one.name || one.deviceId : countOf(those.length, "device");
  const isWanted = await confirm({
    title: `Delete ${what}?`,
    text: "What was said of it goes, its points stay. A new reading makes it known again, with nothing of what was said.",
    action: `Delete ${what}`,
    isDangerous: true,
  });
  if (!isWanted) return false;
  let deleted = 0;
  try {
    for (const { deviceId } of those) {
      await devicesApi.deleteDevice({ deviceId, userId: user.peek() });
      deleted++;
    }
    tell(`${what} ${those.length === 1 ? "is" : "are"} deleted`);
    onDone();
  } catch (error) {
    tellError(
      error,
      deleted === 0 ? `${what} was not deleted` : `After ${countOf(deleted, "device")} no more were deleted`,
    );
  }
  return deleted === those.length;
}

function save(those: readonly Device[]): void {
  const csv = devicesCsv(those, [
    ["last_seen", (device) => isoOf(lastSeenMs(device))],
    ["battery", ({ deviceId }) => textOf(batteryOf(deviceId))],
  ]);
  saveFile(`devices-${new Date(serverNowMs()).toISOString().slice(0, 10)}.csv`, new Blob([csv], { type: "text/csv" }));
  tell(`${countOf(those.length, "device")} exported`);
}

function textOf(battery: ReturnType<typeof batteryOf>): string {
  return battery === undefined ? "" : batteryText(battery);
}
