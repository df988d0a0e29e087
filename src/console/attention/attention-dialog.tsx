import { SEVERITIES } from "../data/alert-row.ts";
import { Dialog } from "../parts/dialog.tsx";
import { severityMark } from "../parts/status.tsx";
import { Time } from "../parts/time.tsx";
import { LOST, REPEATED_AFTER_MS } from "./alarm.ts";
import { askForNotices, noticePermission, type NoticePermission } from "./notifications.ts";
import { change, notices, sound, toggled } from "./settings.ts";
import { playTone, soundState } from "./tones.ts";

const MUTES: readonly (readonly [label: string, ms: number])[] = [
  ["15 min", 900_000],
  ["1 h", 3_600_000],
  ["8 h", 28_800_000],
];

export function AttentionDialog({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="Sound and notifications" onClose={onClose}>
      <div class="form">
        <Sound />
        <Notices />
        <p class="field-help">
          Kept in this browser. Of several tabs one sounds and notifies; nothing calls for alerts that somebody has
          acknowledged or silenced.
        </p>
      </div>
    </Dialog>
  );
}

function Sound() {
  const { isOn, volume, severities, mutedUntilMs } = sound.value;
  const isMuted = mutedUntilMs > Date.now();
  return (
    <fieldset>
      <legend>Sound</legend>
      <label class="check">
        <input
          type="checkbox"
          checked={isOn}
          onChange={({ currentTarget }) => change(sound, { isOn: currentTarget.checked })}
        />
        Sounds until somebody acknowledges: the graver, the faster
      </label>
      {isOn && <SoundTrouble />}
      <Severities chosen={severities} onChange={(next) => change(sound, { severities: next })} />
      <label class="check">
        <input
          type="checkbox"
          checked={severities.includes(LOST)}
          onChange={() => change(sound, { severities: toggled(severities, LOST) })}
        />
        Also while the server cannot be reached
      </label>
      <div class="toolbar">
        <label>
          Volume{" "}
          <input
            type="range"
            min={0.05}
            max={1}
            step={0.05}
            value={volume}
            onInput={({ currentTarget }) => change(sound, { volume: Number(currentTarget.value) })}
          />
        </label>
        <button type="button" onClick={() => playTone(loudestOf(severities), volume)}>
          Try it
        </button>
      </div>
      <div class="toolbar">
        {isMuted ? (
          <>
            <span>
              Muted until <Time ms={mutedUntilMs} />
            </span>
            <button type="button" onClick={() => change(sound, { mutedUntilMs: 0 })}>
              Sound again
            </button>
          </>
        ) : (
          <>
            <span>Mute for</span>
            {MUTES.map(([label, ms]) => (
              <button type="button" key={label} onClick={() => change(sound, { mutedUntilMs: Date.now() + ms })}>
                {label}
              </button>
            ))}
          </>
        )}
      </div>
    </fieldset>
  );
}

function SoundTrouble() {
  if (soundState.value === "running") return null;
  return (
    <p class="field-error">
      {soundState.value === "suspended"
        ? "Not armed yet: browsers let a page sound once somebody has clicked or typed in it since it was loaded."
        : "This browser cannot make sounds."}
    </p>
  );
}

function Notices() {
  const { isOn, severities } = notices.value;
  const permission = noticePermission.value;
  return (
    <fieldset>
      <legend>Notifications of the browser</legend>
      <label class="check">
        <input
          type="checkbox"
          checked={isOn}
          onChange={({ currentTarget }) => {
            change(notices, { isOn: currentTarget.checked });
            if (currentTarget.checked && permission === "default") void askForNotices();
          }}
        />
        One for each incident, while the page is not in front
      </label>
      <p class={isOn && permission !== "granted" ? "field-error" : "field-help"}>{permissionText(permission)}</p>
      {permission === "default" && (
        <button type="button" onClick={() => void askForNotices()}>
          Ask the browser
        </button>
      )}
      <Severities chosen={severities} onChange={(next) => change(notices, { severities: next })} />
    </fieldset>
  );
}

function Severities({ chosen, onChange }: { chosen: readonly string[]; onChange(severities: string[]): void }) {
  return (
    <div class="toolbar" role="group" aria-label="For which severities">
      {SEVERITIES.map((severity) => (
        <label class="check" key={severity} data-severity={severity}>
          <input
            type="checkbox"
            checked={chosen.includes(severity)}
            onChange={() => onChange(toggled(chosen, severity))}
          />
          <span aria-hidden="true">{severityMark(severity)}</span> {severity}
        </label>
      ))}
    </div>
  );
}

function permissionText(permission: NoticePermission): string {
  switch (permission) {
    case "granted":
      return "The browser allows them.";
    case "denied":
      return "Denied in the browser's settings: allow notifications of this site there, beside the address.";
    case "insecure":
      return `Browsers show them of pages over HTTPS or from localhost alone; this one came over plain HTTP from ${location.host}.`;
    case "unavailable":
      return "This browser has none.";
    default:
      return "The browser has not been asked yet.";
  }
}

function loudestOf(severities: readonly string[]): string {
  return REPEATED_AFTER_MS.find(([severity]) => severities.includes(severity))?.[0] ?? "low";
}
