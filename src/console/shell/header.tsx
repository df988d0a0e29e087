import { useEffect, useState } from "preact/hooks";
import { Attention } from "../attention/attention.tsx";
import { link } from "../api.ts";
import { broken } from "../connection.ts";
import { alertsBySeverity, unacknowledged } from "../data/alerts.ts";
import { countText, durationText } from "../format.ts";
import { keyTitle } from "../keys.ts";
import { browserNowMs } from "../now.ts";
import { Menu } from "../parts/menu.tsx";
import { route } from "../route.ts";
import { user } from "../user.ts";
import { VIEWS } from "../views.ts";
import { canLogOut, logOut, roleText, who } from "../who.ts";
import { InRoom } from "./in-room.tsx";

export function Header({ onSettings, onHelp }: { onSettings(): void; onHelp(): void }) {
  const [isMenuOpen, setMenuOpen] = useState(false);
  const { view } = route.value;
  useEffect(() => setMenuOpen(false), [route.value]);
  return (
    <header class="header">
      <button
        type="button"
        class="quiet header-menu"
        aria-expanded={isMenuOpen}
        aria-controls="parts"
        onClick={() => setMenuOpen(!isMenuOpen)}
      >
        <span aria-hidden="true">☰</span>
        <span class="unseen">Parts of the console</span>
        <AlertsBadge />
      </button>
      <a class="brand" href="/">
        Watchpost
      </a>
      <nav id="parts" aria-label="Parts of the console" data-open={isMenuOpen}>
        {VIEWS.map(({ name, label, key }) => (
          <a
            key={name}
            href={`/${name}`}
            aria-current={name === view ? "page" : undefined}
            title={key && keyTitle(label, `g ${key}`)}
          >
            {label}
            {name === "alerts" && <AlertsBadge />}
          </a>
        ))}
        <button type="button" class="quiet header-settings" onClick={onSettings}>
          Settings {user.value !== "" && <span class="dim">{whoText()}</span>}
        </button>
        {canLogOut.value && (
          <button type="button" class="quiet header-settings" onClick={() => void logOut()}>
            Log out
          </button>
        )}
      </nav>
      <div class="header-end">
        <InRoom />
        <Attention />
        <Live />
        {who.value === undefined ? (
          <button type="button" class="quiet header-name ellipsis" title="Settings" onClick={onSettings}>
            {user.value === "" ? "Say your name" : user.value}
          </button>
        ) : (
          <Menu
            label={`You are ${who.value.name}, ${roleText.value}`}
            class="quiet header-name header-who"
            items={[
              { label: "Settings", choose: onSettings },
              ...(canLogOut.value ? [{ label: "Log out", choose: () => void logOut() }] : []),
            ]}
          >
            <span class="ellipsis">{who.value.name}</span> <span class="dim header-role">{who.value.role}</span>{" "}
            <span aria-hidden="true">▾</span>
          </Menu>
        )}
        <button
          type="button"
          class="quiet header-help"
          aria-label="Keys"
          title={keyTitle("Keys", "?")}
          onClick={onHelp}
        >
          ?
        </button>
      </div>
    </header>
  );
}

/** "Ada, operator". */
function whoText(): string {
  return [user.value, who.value?.role].filter(Boolean).join(", ");
}

function AlertsBadge() {
  const count = unacknowledged.value;
  if (count === 0) return null;
  return (
    <span class="badge" data-severity={(alertsBySeverity.value.get("critical") ?? 0) > 0 ? "critical" : "high"}>
      {countText(count)}
      <span class="unseen"> not acknowledged</span>
    </span>
  );
}

/** In sight wherever one is; why, and what is done about it, says the banner. */
function Live() {
  const present = broken.value;
  const isBroken = present !== undefined;
  const { heardMs } = link;
  const heard =
    heardMs === undefined ? undefined : `The server was heard ${durationText(browserNowMs.value - heardMs)} ago`;
  return (
    <span class="live" data-broken={isBroken} title={heard}>
      <span aria-hidden="true">{isBroken ? "▲" : "●"}</span> {isBroken ? "not live" : "live"}
      {isBroken && <span class="live-since"> for {durationText(browserNowMs.value - present.sinceMs)}</span>}
    </span>
  );
}
