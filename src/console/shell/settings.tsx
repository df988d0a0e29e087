import type { Kept } from "../kept.ts";
import { Dialog } from "../parts/dialog.tsx";
import { NameField } from "../parts/name-field.tsx";
import { canLogOut, logOut, roleText, who } from "../who.ts";
import { density, singleKeys, theme, times } from "../preferences.ts";
import { serverVersion } from "../connection.ts";

export function Settings({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="Settings" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          onClose();
        }}
      >
        {who.value === undefined ? (
          <NameField help="Stands beside all you do here: what you acknowledge, write and change." />
        ) : (
          <p class="settings-who">
            <span>
              You are <b>{who.value.name}</b>, {roleText.value}.
            </span>
            {canLogOut.value && (
              <button type="button" onClick={() => void logOut()}>
                Log out
              </button>
            )}
          </p>
        )}
        <Choice legend="Colours" choice={theme} labels={{ auto: "As the system's", light: "Light", dark: "Dark" }} />
        <Choice legend="Rows" choice={density} labels={{ comfortable: "Comfortable", compact: "Compact" }} />
        <Choice legend="Times" choice={times} labels={{ local: "Local", utc: "UTC" }} />
        <Choice legend="Single keys" choice={singleKeys} labels={{ on: "On", off: "Off" }} />
      </form>
      <p class="dim">
        Kept in this browser alone. {serverVersion.value !== undefined && `Watchpost ${serverVersion.value}`}
      </p>
    </Dialog>
  );
}

interface ChoiceProps<T extends string> {
  readonly legend: string;
  readonly choice: Kept<T>;
  readonly labels: Readonly<Record<T, string>>;
}

function Choice<T extends string>({ legend, choice, labels }: ChoiceProps<T>) {
  return (
    <fieldset class="settings-choice">
      <legend>{legend}</legend>
      {(Object.entries(labels) as [T, string][]).map(([value, label]) => (
        <label class="check" key={value}>
          <input type="radio" name={legend} checked={choice.value.value === value} onChange={() => choice.set(value)} />
          {label}
        </label>
      ))}
    </fieldset>
  );
}
