import type { ReceiverInfo } from "../../../../wire/gen/receivers_pb.ts";
import { alertsApi } from "../../../api.ts";
import { useView } from "../../../use-view.ts";
import { usePolled } from "../../../data/polled.ts";
import { countOf } from "../../../format.ts";
import { Empty } from "../../../parts/empty.tsx";
import { route, setParams } from "../../../route.ts";
import { ReceiverCard } from "./receiver-card.tsx";
import "./receivers.css";

const READ_EVERY_MS = 10_000;

/** "/alerts/receivers": where notifications go, whether they get there, and a test of it. */
export function ReceiversView() {
  const { value, failure, refresh } = usePolled((options) => alertsApi.listReceivers({}, options), {
    everyMs: READ_EVERY_MS,
  });
  const text = route.value.params.get("q") ?? "";
  const all = value?.receivers ?? [];
  const found = all.filter((receiver) => isFound(receiver, text));
  useView("Receivers");
  return (
    <section aria-label="Receivers">
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <input
          type="search"
          aria-label="Find receivers"
          placeholder="find receivers"
          data-hotkey="/"
          value={text}
          onInput={({ currentTarget }) => setParams({ q: currentTarget.value })}
        />
        <output class="dim">{value !== undefined && countOf(found.length, "receiver")}</output>
        {value !== undefined && value.rulesFile !== "" && (
          <span class="dim">They stand in {value.rulesFile} on the server and are changed there.</span>
        )}
      </form>
      {failure !== "" && <p role="alert">Receivers could not be read: {failure}.</p>}
      {value === undefined && failure === "" && <p role="status">Reading receivers…</p>}
      {value !== undefined && all.length === 0 && (
        <Empty title="Nobody is told of alerts">
          {value.rulesFile === ""
            ? "The server has no rules file: name one in its settings as alerts.rules_file, with receivers and a route."
            : `${value.rulesFile} on the server has no receivers: add them and a route. It is read again by itself.`}
        </Empty>
      )}
      {all.length > 0 && found.length === 0 && (
        <Empty title="No receiver is like that">Take words away to see more.</Empty>
      )}
      <ul class="receivers-list">
        {found.map((receiver) => (
          <ReceiverCard key={receiver.name} {...{ receiver, refresh }} />
        ))}
      </ul>
    </section>
  );
}

function isFound({ name, channels }: ReceiverInfo, text: string): boolean {
  const haystack = [name, ...channels.flatMap(({ kind, target }) => [kind, target])].join("\n").toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => haystack.includes(word));
}
