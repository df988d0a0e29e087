import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Change } from "../../../wire/gen/server_pb.ts";
import { serverApi } from "../../api.ts";
import { placeOf } from "../../data/change-link.ts";
import { NOWHERE } from "../../data/device-filter.ts";
import { devices } from "../../data/devices.ts";
import { areChangesKnown, changes } from "../../data/server.ts";
import { countText, msOf } from "../../format.ts";
import { tellError } from "../../parts/toast.tsx";
import { Age } from "../../parts/time.tsx";
import { addressOf, pathTo, route, setParams } from "../../route.ts";

const KINDS = ["alert", "device", "rule", "silence", "session", "issue", "annotation", "dashboard"];
interface Asked {
  readonly kind: string;
  /** Cursor of the last one that is known without asking. */
  readonly before: string | undefined;
  readonly changes: readonly Change[];
  /** Where it goes on; "": nowhere. */
  readonly nextPage: string | undefined;
}

const NOTHING_ASKED: Asked = { kind: "", before: undefined, changes: [], nextPage: undefined };
const SHOWN = 20;
const PAGE = 50;

/** What has happened lately, as it happens; earlier ones are asked for. `?changes=` narrows it to a kind. */
export function Changes({ site }: { site: string }) {
  const kind = route.value.params.get("changes") ?? "";
  const [asked, setAsked] = useState<Asked>(NOTHING_ASKED);
  const [shown, setShown] = useState(SHOWN);
  const [isAsking, setAsking] = useState(false);
  const asking = useRef<AbortController>(undefined);
  useEffect(() => {
    setShown(SHOWN);
    return () => {
      asking.current?.abort();
      setAsking(false);
    };
  }, [kind]);
  // Of those that were forgotten meanwhile nobody has asked.
  const first = changes.value.at(-1)?.cursor;
  const { changes: older, nextPage = first } = asked.kind === kind && asked.before === first ? asked : NOTHING_ASKED;
  const found = useMemo(() => {
    const isWanted = (change: Change) => (kind === "" || change.kind === kind) && isOfSite(change, site);
    return [...changes.value, ...older].filter(isWanted);
  }, [changes.value, older, kind, site]);
  const ask = async () => {
    if (nextPage === undefined || nextPage === "") return;
    asking.current?.abort();
    const { signal } = (asking.current = new AbortController());
    setAsking(true);
    try {
      const request = { limit: PAGE * 2, page: nextPage, kinds: kind === "" ? [] : [kind] };
      const page = await serverApi.listChanges(request, { signal });
      if (signal.aborted) return;
      setAsked({ kind, before: first, changes: [...older, ...page.changes], nextPage: page.nextPage });
    } catch (error) {
      if (signal.aborted) return;
      tellError(error, "Earlier changes were not read");
    }
    setAsking(false);
  };
  const more = () => {
    setShown((before) => before + PAGE);
    if (found.length < shown + PAGE) void ask();
  };
  // Of one kind there may be few among the last ones.
  useEffect(() => {
    if (kind !== "" && found.length < SHOWN) void ask();
  }, [kind, areChangesKnown.value]);
  return (
    <section aria-label="What changed lately">
      <div class="toolbar overview-changes-title">
        <h2>What changed lately</h2>
        <select
          class="push"
          aria-label="Kinds of changes"
          value={kind}
          onChange={({ currentTarget }) => setParams({ changes: currentTarget.value })}
        >
          <option value="">all kinds</option>
          {KINDS.map((each) => (
            <option key={each} value={each}>
              {each}s
            </option>
          ))}
        </select>
      </div>
      {(!areChangesKnown.value || (found.length === 0 && isAsking)) && <p class="dim">Asking …</p>}
      {areChangesKnown.value && found.length === 0 && !isAsking && (
        <p class="calm">
          {nextPage === undefined || nextPage === "" ? "Nothing has changed yet." : "None of the last ones."}
        </p>
      )}
      <ul class="rows overview-changes">
        {found.slice(0, shown).map((change) => (
          <ChangeRow key={change.cursor} change={change} />
        ))}
      </ul>
      {(found.length > shown || (nextPage !== undefined && nextPage !== "")) && (
        <button type="button" class="quiet" disabled={isAsking} onClick={more}>
          {found.length > shown ? `${countText(found.length - shown)} more, and earlier ones` : "Earlier ones"}
        </button>
      )}
    </section>
  );
}

function ChangeRow({ change }: { change: Change }) {
  const { time, kind, userId, text, severity, status } = change;
  const place = placeOf(change);
  const href = place && addressOf(pathTo(...place.parts), place.params ?? {});
  return (
    <li>
      <Age ms={msOf(time)} />
      <span
        class={status === "" ? "overview-kind" : "overview-kind status"}
        data-severity={severity || undefined}
        data-status={status || undefined}
      >
        {kind}
      </span>
      <span class="overview-change">
        {href === undefined ? text : <a href={href}>{text}</a>}
        {userId !== "" && <span class="dim"> by {userId}</span>}
      </span>
    </li>
  );
}

/** What is about no device is of no site. */
function isOfSite({ device }: Change, site: string): boolean {
  return site === "" || (device !== "" && (devices.value.get(device)?.site || NOWHERE) === site);
}
