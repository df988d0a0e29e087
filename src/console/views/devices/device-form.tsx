import { Code, ConnectError } from "@connectrpc/connect";
import { useState } from "preact/hooks";
import type { Device } from "../../../wire/gen/devices_pb.ts";
import { devicesApi } from "../../api.ts";
import {
  changedFields,
  conflictsOf,
  deviceOfDraft,
  draftOf,
  EMPTY_DRAFT,
  mergedDraft,
  problemsOfDraft,
  type DeviceDraft,
} from "../../data/device-draft.ts";
import { valuesOf } from "../../data/device-filter.ts";
import { devices } from "../../data/devices.ts";
import { errorText } from "../../errors.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { NameWanted } from "../../parts/name-field.tsx";
import { user } from "../../user.ts";
import { TextField } from "../../parts/fields.tsx";

interface DeviceFormProps {
  /** Missing: a new one is registered. */
  readonly device?: Device;
  onClose(): void;
  onSaved(device: Device): void;
}

interface Conflict {
  readonly with: Device;
  readonly fields: ReturnType<typeof conflictsOf>;
}

/** Registers a device, or edits one: only what was changed is sent, and what others changed meanwhile is shown. */
export function DeviceForm({ device, onClose, onSaved }: DeviceFormProps) {
  const [base, setBase] = useState(device);
  const before = base === undefined ? EMPTY_DRAFT : draftOf(base);
  const [draft, setDraft] = useState(before);
  const [failure, setFailure] = useState("");
  const [conflict, setConflict] = useState<Conflict>();
  const [isShown, setShown] = useState(false);
  const [isSaving, setSaving] = useState(false);
  const problems = problemsOfDraft(draft);
  const set = (change: Partial<DeviceDraft>) => setDraft((present) => ({ ...present, ...change }));
  const shownProblem = (field: keyof DeviceDraft) => (isShown ? (problems[field] ?? "") : "");

  const save = async () => {
    setShown(true);
    if (Object.keys(problems).length > 0 || isSaving) return;
    setSaving(true);
    setFailure("");
    try {
      const saved = base === undefined ? await register(draft) : await update(base, before, draft);
      return onSaved(saved);
    } catch (error) {
      if (base !== undefined && ConnectError.from(error).code === Code.Aborted) await meet(base);
      else setFailure(errorText(error));
    }
    setSaving(false);
  };
  /** Somebody else was faster: what I changed stands on what they made of it. */
  const meet = async ({ deviceId }: Device) => {
    try {
      const { device: theirs } = await devicesApi.getDevice({ deviceId });
      const their = draftOf(theirs!);
      setConflict({ with: theirs!, fields: conflictsOf(before, draft, their) });
      setDraft(mergedDraft(before, draft, their));
      setBase(theirs);
    } catch (error) {
      setFailure(`Somebody else has changed it, and it cannot be read again: ${errorText(error)}`);
    }
  };
  return (
    <Dialog
      title={device === undefined ? "Register a device" : `Edit ${device.name || device.deviceId}`}
      onClose={onClose}
    >
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {conflict && <ConflictNote conflict={conflict} onTheirs={() => setDraft(draftOf(conflict.with))} />}
        {device === undefined && (
          <TextField
            label="Id"
            help="The tag “device” of its points, or else their source"
            value={draft.deviceId}
            error={shownProblem("deviceId")}
            onChange={(deviceId) => set({ deviceId })}
          />
        )}
        <TextField label="Name" value={draft.name} onChange={(name) => set({ name })} />
        <div class="fields">
          <Known label="Site" field="site" {...{ draft, set }} />
          <Known label="Type" field="type" {...{ draft, set }} />
          <TextField label="Model" value={draft.model} onChange={(model) => set({ model })} />
          <TextField
            label="Interval"
            help="How often it sends: 30s, 5m; empty: found out"
            value={draft.interval}
            error={shownProblem("interval")}
            onChange={(interval) => set({ interval })}
          />
        </div>
        <TextField
          label="Reached through"
          help="The id of a gateway, where there is one"
          value={draft.parent}
          onChange={(parent) => set({ parent })}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={draft.isEventDriven}
            onChange={({ currentTarget }) => set({ isEventDriven: currentTarget.checked })}
          />
          Sends when something happens: silence means nothing
        </label>
        <TextField
          isLong
          label="Tags"
          help="key=value, a line each"
          value={draft.tags}
          error={shownProblem("tags")}
          onChange={(tags) => set({ tags })}
        />
        <NameWanted />
        {failure !== "" && <p role="alert">{failure}</p>}
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" aria-disabled={isSaving}>
            {device === undefined ? "Register" : "Save"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function ConflictNote({ conflict: { fields }, onTheirs }: { conflict: Conflict; onTheirs(): void }) {
  return (
    <div role="alert" class="devices-conflict">
      <p>
        Somebody else has changed this device meanwhile.{" "}
        {fields.length === 0 ? "What you changed stands beside it: save again." : "You both changed:"}
      </p>
      <ul>
        {fields.map(({ field, mine, theirs }) => (
          <li key={field}>
            {field}: yours “{mine}”, theirs “{theirs}”
          </li>
        ))}
      </ul>
      <p>
        Save writes yours.{" "}
        <button type="button" onClick={onTheirs}>
          Take theirs
        </button>
      </p>
    </div>
  );
}

interface KnownProps {
  readonly label: string;
  readonly field: "site" | "type";
  readonly draft: DeviceDraft;
  set(change: Partial<DeviceDraft>): void;
}

/** Suggests what other devices have. */
function Known({ label, field, draft, set }: KnownProps) {
  const id = `devices-known-${field}`;
  return (
    <>
      <TextField label={label} list={id} value={draft[field]} onChange={(text) => set({ [field]: text })} />
      <datalist id={id}>
        {valuesOf(devices.peek().values(), (device) => device[field]).map((value) => (
          <option key={value} value={value} />
        ))}
      </datalist>
    </>
  );
}

async function register(draft: DeviceDraft): Promise<Device> {
  const { device } = await devicesApi.registerDevice({ device: deviceOfDraft(draft), userId: user.peek() });
  return device!;
}

async function update(base: Device, before: DeviceDraft, draft: DeviceDraft): Promise<Device> {
  const fields = changedFields(before, draft);
  if (fields.length === 0) return base;
  const request = { device: deviceOfDraft(draft), fields, revision: base.revision, userId: user.peek() };
  return (await devicesApi.updateDevice(request)).device!;
}
