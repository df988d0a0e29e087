import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { useMemo } from "preact/hooks";
import { formatDurationMs } from "../../../../model/duration.ts";
import { Alerts, type Silence } from "../../../../wire/gen/alerts_pb.ts";
import { alertsApi } from "../../../api.ts";
import { alertBook, alertsVersion } from "../../../data/alerts.ts";
import { readSilences } from "../../../data/silences.ts";
import { countOf, msOf } from "../../../format.ts";
import { nowMs, serverNowMs } from "../../../now.ts";
import { confirm } from "../../../parts/dialog.tsx";
import { Menu } from "../../../parts/menu.tsx";
import { tell, tellError } from "../../../parts/tell.ts";
import { Time } from "../../../parts/time.tsx";
import { user } from "../../../user.ts";
import type { BegunSilence } from "./silence-form.tsx";
import { heldBy, scopeWords, stateOf, timeWords } from "./silence-words.ts";
import { may } from "../../../who.ts";

const EXTENSIONS_MS = [1_800_000, 3_600_000, 4 * 3_600_000, 86_400_000];

interface SilenceCardProps {
  readonly silence: Silence;
  refresh(): void;
  onEdit(begun: BegunSilence): void;
}

export function SilenceCard({ silence, refresh, onEdit }: SilenceCardProps) {
  const { id, matchers, startsAt, endsAt, author, comment } = silence;
  const state = stateOf(silence, nowMs.peek());
  const canPut = may(Alerts.method.putSilence);
  const change = async (run: () => Promise<unknown>, done: string) => {
    try {
      await run();
      tell(done);
    } catch (error) {
      tellError(error, "The silence was not changed");
    }
    void readSilences();
    refresh();
  };
  const extend = (byMs: number) => {
    const later = timestampFromMs((msOf(endsAt) ?? serverNowMs()) + byMs);
    const put = () => alertsApi.putSilence({ silence: { ...silence, endsAt: later }, userId: user.peek() });
    return change(put, `It lasts ${formatDurationMs(byMs)} longer`);
  };
  const expire = async () => {
    const text =
      heldBy(silence, alertBook.active) === 0 ? "It holds nothing back now." : "What still fires is notified then.";
    if (!(await confirm({ title: "End this silence now?", text, action: "End it" }))) return;
    await change(() => alertsApi.expireSilence({ id, userId: user.peek() }), "The silence is over");
  };
  return (
    <li class="card silences-card" data-state={state}>
      <div class="silences-what">
        <span class="chip">{state}</span>
        {matchers.map((matcher) => (
          <code key={matcher}>{matcher}</code>
        ))}
        {matchers.length === 0 && <strong>every alert</strong>}
        {silence.scope !== undefined && <span class="dim">{scopeWords(silence)}</span>}
      </div>
      <div>
        {comment === "" ? <span class="dim">no reason was given</span> : <q>{comment}</q>}{" "}
        <span class="dim">by {author || "somebody"}</span>
      </div>
      <div>
        <TimeLeft silence={silence} />{" "}
        <span class="dim">
          <Time ms={msOf(startsAt)} /> to <Time ms={msOf(endsAt)} />
        </span>
      </div>
      {state !== "over" && <Held silence={silence} isActive={state === "active"} />}
      <div class="silences-actions">
        {state === "over" && canPut && (
          <button type="button" onClick={() => onEdit({ matchers, comment })}>
            Again…
          </button>
        )}
        {state !== "over" && canPut && (
          <>
            <Menu
              label="Extend"
              items={EXTENSIONS_MS.map((ms) => ({
                label: `by ${formatDurationMs(ms)}`,
                choose: () => void extend(ms),
              }))}
            />
            <button type="button" onClick={() => onEdit(silence)}>
              Change
            </button>
          </>
        )}
        {state !== "over" && may(Alerts.method.expireSilence) && (
          <button type="button" class="danger" onClick={() => void expire()}>
            End now
          </button>
        )}
      </div>
    </li>
  );
}

function TimeLeft({ silence }: { silence: Silence }) {
  return <strong>{timeWords(silence, nowMs.value)}</strong>;
}

/** Counted once a second at most, however much happens to alerts, and only where something has. */
function Held({ silence, isActive }: { silence: Silence; isActive: boolean }) {
  void nowMs.value;
  const version = alertsVersion.peek();
  const held = useMemo(() => heldBy(silence, alertBook.active), [silence.matchers.join("\n"), version]);
  return <div class={held === 0 ? "dim" : ""}>{heldWords(held, isActive)}</div>;
}

function heldWords(held: number | undefined, isActive: boolean): string {
  if (held === undefined) return "what it holds back only the server can tell";
  const holds = isActive ? "holds back" : "would hold back";
  return held === 0
    ? `${holds} nothing that fires now`
    : `${holds} ${countOf(held, "alert")} that ${held === 1 ? "fires" : "fire"} now`;
}
