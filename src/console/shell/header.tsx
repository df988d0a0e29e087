import { useEffect, useState } from "preact/hooks";
import { Attention } from "../attention/attention.tsx";
import { link } from "../api.ts";
import { broken } from "../connection.ts";
import { alertsBySeverity, unacknowledged } from "../data/alerts.ts";
import { countText, durationText } from "../format.ts";
import { keyTitle } from "../keys.ts";
import { browserNowMs } from "../now.ts";
import { route } from "../route.ts";
import { user } from "../user.ts";
import { VIEWS } from "../views.ts";
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
          Settings {user.value !== "" && <span class="dim">{user.value}</span>}
        </button>
      </nav>
      <div class="header-end">
        <InRoom />
        <Attention />
        <Live />
        <button type="button" class="quiet header-name ellipsis" title="Settings" onClick={onSettings}>
          {user.value === "" ? "Say your name" : user.value}
        </button>
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
