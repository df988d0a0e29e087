/** "/devices/ID": all there is to one device, live. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { globOfName } from "../../../../model/glob.ts";
import { followBatteries } from "../../../data/battery.ts";
import { DeviceDetail } from "../../../data/device-detail.ts";
import { devices } from "../../../data/devices.ts";
import { followLastSeen, lastSeenMs, lastSeenVersion } from "../../../data/last-seen.ts";
import { msOf } from "../../../format.ts";
import { lookingAt } from "../../../looking-at.ts";
import { lazy } from "../../../lazy.tsx";
import { serverNowMs } from "../../../now.ts";
import { Empty } from "../../../parts/empty.tsx";
import { Status } from "../../../parts/status.tsx";
import { Age } from "../../../parts/time.tsx";
import { tell } from "../../../parts/toast.tsx";
import { addressOf, go } from "../../../route.ts";
import { usePageTitle } from "../../../page-title.ts";
import { deleteDevices } from "../device-actions.tsx";
import { DeviceForm } from "../device-form.tsx";
import { AboutDevice } from "./about-device.tsx";
import { DeviceFacts } from "./device-facts.tsx";
import { Sensors } from "./sensors.tsx";
import { StatusHistory } from "./status-history.tsx";
import { Collaboration } from "../../../../wire/gen/collaboration_pb.ts";
import { Devices } from "../../../../wire/gen/devices_pb.ts";
import { may } from "../../../who.ts";

const AnnotationDialog = lazy(async () => (await import("../../../parts/annotation-dialog.tsx")).AnnotationDialog);

export function DevicePage({ id }: { id: string }) {
  const [detail, setDetail] = useState<DeviceDetail>();
  const [open, setOpen] = useState<"edit" | "note">();
  usePageTitle(devices.value.get(id)?.name || id);
  useEffect(() => {
    lookingAt.value = { view: "Device", metrics: [], devices: [id] };
    const made = new DeviceDetail(id);
    setDetail(made);
    const stops = [followLastSeen(), followBatteries(), () => made.close()];
    return () => stops.forEach((stop) => stop());
  }, [id]);
  const listed = devices.value.get(id);
  const read = detail?.device.value;
  const device = useMemo(() => {
    if (read === undefined || listed === undefined) return read ?? listed;
    const { status, statusReason, isFlapping, statusSince } = listed;
    return { ...read, status, statusReason, isFlapping, ...(statusSince && { statusSince }) };
  }, [read, listed]);

  if (device === undefined || detail === undefined) {
    const failure = detail?.failure.value ?? "";
    return (
      <>
        <h1>{id}</h1>
        {detail?.isUnknown.value ? (
          <Empty title="There is no such device">
            It was never heard of, or is deleted. <a href="/devices">All devices</a>
          </Empty>
        ) : (
          <p role="status">{failure === "" ? "Asking the server …" : `It cannot be read: ${failure}`}</p>
        )}
      </>
    );
  }
  void lastSeenVersion.value;
  const canAnnotate = may(Collaboration.method.createAnnotation);
  return (
    <>
      <div class="toolbar device-title">
        <h1>
          {device.name || id} {device.name !== "" && device.name !== id && <span class="dim">{id}</span>}
        </h1>
        <div class="push toolbar devices-actions">
          <a class="button" href={addressOf("/explore", { device: globOfName(id) })}>
            Explore
          </a>
          {canAnnotate && (
            <button type="button" onClick={() => setOpen("note")}>
              Annotate
            </button>
          )}
          {may(Devices.method.updateDevice) && (
            <button type="button" disabled={read === undefined} onClick={() => setOpen("edit")}>
              Edit
            </button>
          )}
          {may(Devices.method.deleteDevice) && (
            <button type="button" class="danger" onClick={() => void deleteDevices([device], () => go("/devices"))}>
              Delete
            </button>
          )}
        </div>
      </div>
      <p class="device-status">
        <span aria-live="polite">
          <Status status={device.status} />
          {device.isFlapping && <b class="devices-flapping"> ⇅ flapping</b>}
        </span>
        {msOf(device.statusSince) !== undefined && (
          <>
            {" "}
            for <Age ms={msOf(device.statusSince)} />
          </>
        )}
        {device.statusReason !== "" && <span class="dim"> · {device.statusReason}</span>}
        <span class="dim">
          {" "}
          · heard <Age ms={lastSeenMs(device)} /> ago
        </span>
      </p>
      {detail.failure.value !== "" && (
        <p role="alert">It cannot be read again: {detail.failure.value}. What stands here may be old.</p>
      )}
      <StatusHistory device={device} events={detail.events.value} isRead={read !== undefined} />
      <Sensors device={device} values={detail.values.value} isRead={read !== undefined} />
      <div class="device-columns">
        <DeviceFacts device={device} />
        <AboutDevice device={device} onAnnotate={canAnnotate ? () => setOpen("note") : undefined} />
      </div>
      {open === "edit" && read !== undefined && (
        <DeviceForm
          device={read}
          onClose={() => setOpen(undefined)}
          onSaved={(saved) => {
            setOpen(undefined);
            detail.device.value = saved;
            tell(`${saved.name || id} is saved`);
            detail.read();
          }}
        />
      )}
      {open === "note" && (
        <AnnotationDialog
          edited={{ chart: { metric: "*", filters: { device: id } }, fromMs: serverNowMs() }}
          onClose={() => setOpen(undefined)}
        />
      )}
    </>
  );
}
