import type { ComponentChildren } from "preact";
import type { Device } from "../../../../wire/gen/devices_pb.ts";
import { devices } from "../../../data/devices.ts";
import { countOf, countText, durationText, msOf } from "../../../format.ts";
import { Status } from "../../../parts/status.tsx";
import { Time } from "../../../parts/time.tsx";
import { addressOf, pathTo } from "../../../route.ts";
import { BatteryCell, intervalText } from "../device-columns.tsx";

const CHILDREN_SHOWN = 12;

/** What it is, and what it stands between. */
export function DeviceFacts({ device }: { device: Device }) {
  const { deviceId, site, type, model, firmware, parent, tags, sources, location } = device;
  const { effectiveLateAfterMs: late, effectiveOfflineAfterMs: offline } = device;
  const children = [...devices.value.values()].filter((each) => each.parent === deviceId);
  return (
    <section class="card" aria-label="What it is">
      <h2>What it is</h2>
      <dl class="device-facts">
        <Fact name="Site">{site !== "" && <a href={addressOf("/", { site })}>{site}</a>}</Fact>
        <Fact name="Type">{[type, model].filter(Boolean).join(" ")}</Fact>
        <Fact name="Firmware">{firmware}</Fact>
        <Fact name="Battery">
          <BatteryCell device={deviceId} />
        </Fact>
        <Fact name="Interval">{intervalText(device)}</Fact>
        <Fact name="Silent">
          {late > 0n && `late after ${durationText(Number(late))}, offline after ${durationText(Number(offline))}`}
        </Fact>
        <Fact name="Where">
          {location !== undefined &&
            `${location.name} ${location.latitude.toFixed(5)}, ${location.longitude.toFixed(5)}`.trim()}
        </Fact>
        <Fact name="Tags">
          {Object.entries(tags).map(([key, value]) => (
            <a key={key} class="chip" href={addressOf("/devices", { tags: `${key}=${value}` })}>
              {key}={value}
            </a>
          ))}
        </Fact>
        <Fact name="Sources">{sources.join(", ")}</Fact>
        <Fact name="Known since">
          <Time ms={msOf(device.createdAt)} /> {!device.isRegistered && <span class="dim">found in the data</span>}
        </Fact>
        <Fact name="Reached through">{parent !== "" && <Other id={parent} />}</Fact>
        <Fact name="Reached through it">
          {children.length > 0 && (
            <>
              <span class="dim">{countOf(children.length, "device")}</span>
              {children.slice(0, CHILDREN_SHOWN).map((child) => (
                <Other key={child.deviceId} id={child.deviceId} />
              ))}
              {children.length > CHILDREN_SHOWN && (
                <span class="dim">{countText(children.length - CHILDREN_SHOWN)} more</span>
              )}
            </>
          )}
        </Fact>
      </dl>
    </section>
  );
}

/** Left out where nothing is said. */
function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  const isEmpty = children === "" || children === false || (Array.isArray(children) && children.length === 0);
  if (isEmpty) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Other({ id }: { id: string }) {
  const other = devices.value.get(id);
  return (
    <span class="device-other">
      <a href={pathTo("devices", id)}>{other?.name || id}</a> {other && <Status status={other.status} />}
    </span>
  );
}
