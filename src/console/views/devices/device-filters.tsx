import { useMemo } from "preact/hooks";
import type { Device } from "../../../wire/gen/devices_pb.ts";
import { deviceFilterOf, NOWHERE, valuesOf } from "../../data/device-filter.ts";
import { devices, devicesByStatus, STATUSES } from "../../data/devices.ts";
import { countText } from "../../format.ts";
import { Status } from "../../parts/status.tsx";
import { Suggest } from "../../parts/suggest.tsx";
import { route, setParams } from "../../route.ts";

const SUGGESTED_MAX = 50;

export function DeviceFilters() {
  const { params } = route.value;
  const valueOf = (name: string) => params.get(name) ?? "";
  const { statuses } = deviceFilterOf(params, STATUSES);
  const toggle = (status: string) => {
    const others = statuses.filter((each) => each !== status);
    setParams({ status: (others.length < statuses.length ? others : [...statuses, status]).join(",") });
  };
  return (
    <form class="filters" aria-label="Which devices" onSubmit={(event) => event.preventDefault()}>
      <input
        type="search"
        aria-label="Search by name, site, type or tag"
        placeholder="Search  ( / )"
        data-hotkey="/"
        value={valueOf("search")}
        onInput={({ currentTarget }) => setParams({ search: currentTarget.value })}
      />
      <div class="segments devices-statuses" role="group" aria-label="Statuses">
        {STATUSES.map((status) => (
          <button type="button" key={status} aria-pressed={statuses.includes(status)} onClick={() => toggle(status)}>
            <Status status={status} /> {countText(devicesByStatus.value.get(status) ?? 0)}
          </button>
        ))}
      </div>
      <Choice name="site" label="Site" value={valueOf("site")} of={({ site }) => site} />
      <Choice name="type" label="Type" value={valueOf("type")} of={({ type }) => type} />
      <Suggest
        label="Tags"
        placeholder="line=4, old"
        size={14}
        value={valueOf("tags")}
        onChange={(tags) => setParams({ tags: tags.trim() })}
        suggest={async (typed) => suggestTags(typed)}
      />
    </form>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  of(device: Device): string;
}

/** Nothing to choose from is not shown, unless something was chosen. */
function Choice({ name, label, value, of }: ChoiceProps) {
  const present = devices.value;
  const values = useMemo(() => valuesOf(present.values(), of), [present]);
  if (values.length === 0 && value === "") return null;
  const others = value !== "" && value !== NOWHERE && !values.includes(value) ? [value] : [];
  return (
    <label>
      {label}{" "}
      <select value={value} onChange={({ currentTarget }) => setParams({ [name]: currentTarget.value })}>
        <option value="">all</option>
        {[...values, ...others].map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
        <option value={NOWHERE}>(none)</option>
      </select>
    </label>
  );
}

/** Of the last one of those that are typed: those that there are. */
function suggestTags(typed: string) {
  const at = typed.lastIndexOf(",") + 1;
  const [before, last] = [typed.slice(0, at), typed.slice(at).trim().toLowerCase()];
  const counts = new Map<string, number>();
  for (const { tags } of devices.value.values()) {
    for (const [key, value] of Object.entries(tags)) {
      const tag = `${key}=${value}`;
      if (tag.toLowerCase().includes(last)) counts.set(tag, (counts.get(tag) ?? 0) + 1);
    }
  }
  const found = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  const items = found.slice(0, SUGGESTED_MAX).map(([tag, count]) => {
    return { value: `${before}${before === "" ? "" : " "}${tag}`, detail: countText(count) };
  });
  return { items, more: found.length - items.length };
}
