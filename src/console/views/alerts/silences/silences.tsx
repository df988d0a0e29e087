import { useState } from "preact/hooks";
import { alertsApi } from "../../../api.ts";
import { useView } from "../../../use-view.ts";
import { usePolled } from "../../../data/polled.ts";
import { countOf, countText } from "../../../format.ts";
import { keyTitle, useKeys } from "../../../keys.ts";
import { nowMs } from "../../../now.ts";
import { Empty } from "../../../parts/empty.tsx";
import { route, setParams } from "../../../route.ts";
import { SilenceCard } from "./silence-card.tsx";
import { SilenceForm, type BegunSilence } from "./silence-form.tsx";
import { inOrder, isFound } from "./silence-words.ts";
import "./silences.css";
import { Alerts } from "../../../../wire/gen/alerts_pb.ts";
import { may } from "../../../who.ts";

const READ_EVERY_MS = 5_000;
const SHOWN = 200;

/** "/alerts/silences"; with `new`, and any number of `matcher`, one is begun. */
export function SilencesView() {
  const { params } = route.value;
  const isWithOver = params.has("over");
  const text = params.get("q") ?? "";
  const [begun, setBegun] = useState<BegunSilence | undefined>(() =>
    params.has("new") ? { matchers: params.getAll("matcher"), comment: "" } : undefined,
  );
  const { value, failure, refresh } = usePolled(
    async (options) => (await alertsApi.listSilences({ expired: isWithOver }, options)).silences,
    { everyMs: READ_EVERY_MS, key: String(isWithOver) },
  );
  const all = value ?? [];
  // What has begun or ended meanwhile is in its place when they are read the next time.
  const found = inOrder(all, nowMs.peek()).filter((silence) => isFound(silence, text));
  const close = () => {
    setBegun(undefined);
    setParams({ new: "", matcher: "" });
    refresh();
  };
  useView("Silences");
  const begin = () => setBegun({ matchers: [], comment: "" });
  const canBegin = may(Alerts.method.putSilence);
  useKeys("Silences", canBegin ? [{ keys: "n", label: "New silence", run: begin }] : []);
  return (
    <section aria-label="Silences">
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <input
          type="search"
          aria-label="Find silences"
          placeholder="find silences"
          data-hotkey="/"
          value={text}
          onInput={({ currentTarget }) => setParams({ q: currentTarget.value })}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={isWithOver}
            onChange={({ currentTarget }) => setParams({ over: currentTarget.checked ? "1" : "" })}
          />{" "}
          also those that are over, for five days
        </label>
        <output class="dim">{value !== undefined && countOf(found.length, "silence")}</output>
        {canBegin && (
          <button type="button" class="primary push" title={keyTitle("New silence", "n")} onClick={begin}>
            New silence
          </button>
        )}
      </form>
      {failure !== "" && <p role="alert">Silences could not be read: {failure}.</p>}
      {value === undefined && failure === "" && <p role="status">Reading silences…</p>}
      {value !== undefined && found.length === 0 && (
        <Empty title={all.length === 0 ? "Nothing is silenced" : "No silence is like that"}>
          {all.length === 0
            ? "While somebody works on a machine, a silence keeps its alerts from waking others: they fire, and nobody is told."
            : "Take words away to see more."}
        </Empty>
      )}
      <ul class="silences-list">
        {found.slice(0, SHOWN).map((silence) => (
          <SilenceCard key={silence.id} {...{ silence, refresh }} onEdit={setBegun} />
        ))}
      </ul>
      {found.length > SHOWN && <p>{countText(found.length - SHOWN)} more: narrow the list with words.</p>}
      {canBegin && begun !== undefined && <SilenceForm begun={begun} onClose={close} />}
    </section>
  );
}
