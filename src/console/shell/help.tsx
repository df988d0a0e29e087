import { keyGroups } from "../keys.ts";
import { Dialog } from "../parts/dialog.tsx";
import { singleKeys } from "../preferences.ts";
import { helpGroups } from "./help-groups.ts";

/** All keys that do something now. */
export function Help({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      {singleKeys.value.value === "off" && <p>They are off; Settings turns them on.</p>}
      {helpGroups(keyGroups.value).map(({ title, keys }) => (
        <section key={title}>
          <h3>{title}</h3>
          <dl class="help-keys">
            {keys.map(({ keys: pressed, label }) => (
              <div key={`${pressed} ${label}`}>
                <dt>
                  {pressed.split(" ").map((key, i) => (
                    <kbd key={i}>{key === "" ? "Space" : key}</kbd>
                  ))}
                </dt>
                <dd>{label}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}
