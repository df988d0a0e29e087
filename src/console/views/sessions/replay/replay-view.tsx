import { useEffect, useState } from "preact/hooks";
import { collaborationApi } from "../../../api.ts";
import { partOf } from "../../../data/replay/replay-marks.ts";
import { Replay } from "../../../data/replay/replay.ts";
import { countText } from "../../../format.ts";
import { Empty } from "../../../parts/empty.tsx";
import { Time } from "../../../parts/time.tsx";
import { pathTo, route, setParams } from "../../../route.ts";
import { usePageTitle } from "../../../page-title.ts";
import "./replay.css";
import { ReplayAlerts } from "./replay-alerts.tsx";
import { ReplayCharts } from "./replay-charts.tsx";
import { ReplayChat } from "./replay-chat.tsx";
import { ReplayControls } from "./replay-controls.tsx";
import { Scrubber } from "./scrubber.tsx";

export function ReplayPage({ id }: { id: string }) {
  const { params } = route.value;
  const view = params.get("view") === "now" ? "now" : "seen";
  const from = params.get("from") ?? "";
  const [replay, setReplay] = useState<Replay>();
  const [attempt, setAttempt] = useState(0);
  const [title, setTitle] = useState("");
  usePageTitle(`Replay of ${title || id}`);
  useEffect(() => {
    const controller = new AbortController();
    collaborationApi.getSession({ sessionId: id }, { signal: controller.signal }).then(
      ({ session }) => setTitle(session?.title ?? ""),
      // It is called by its id then; what is wrong the replay says.
      () => {},
    );
    return () => controller.abort();
  }, [id]);
  useEffect(() => {
    const at = timeIn(route.peek().params.get("t"));
    const fromMs = timeIn(from);
    const asked = {
      sessionId: id,
      view,
      ...(fromMs !== undefined && { fromMs }),
      ...(at !== undefined && { atMs: at }),
    };
    const made = new Replay(asked as ConstructorParameters<typeof Replay>[0]);
    made.speed.value = Number(route.peek().params.get("speed")) || 10;
    setReplay(made);
    return () => made.close();
  }, [id, view, from, attempt]);
  if (replay === undefined) return null;
  void replay.parts.value;
  const { range, missing, readToMs, points } = replay.buffer;
  const [isReading, failure] = [replay.isReading.value, replay.failure.value];
  if (Number.isNaN(range.fromMs)) {
    if (failure === "") return <p role="status">Reading what happened…</p>;
    return (
      <>
        <h1>Replay of {title || id}</h1>
        <Empty title="It cannot be replayed">
          <span role="alert">{failure}</span> <button onClick={() => setAttempt(attempt + 1)}>Try again</button>{" "}
          <a href="/sessions">All sessions</a>
        </Empty>
      </>
    );
  }
  return (
    <div class="replay">
      <header class="sessions-head">
        <h1>
          Replay of <a href={pathTo("sessions", id)}>{title || id}</a>
        </h1>
        <span class="dim">
          <Time ms={range.fromMs} /> to <Time ms={range.toMs} />, {countText(points)} points
        </span>
        <span role="status" class="dim">
          {isReading && `reading, ${Math.floor(partOf(range, readToMs) * 100)} %`}
          {replay.isAhead.value && ": not up to this time yet"}
        </span>
      </header>
      {missing !== "" && (
        <p class="replay-missing" role="note">
          Not all can be shown: {missing}.
        </p>
      )}
      {failure !== "" && (
        <p role="alert">
          It was read up to <Time ms={readToMs} /> only: {failure}.{" "}
          <button onClick={() => setAttempt(attempt + 1)}>Read it again</button>
        </p>
      )}
      {replay.endMs !== undefined && failure === "" && (
        <p role="note">
          It is long: this is its part up to <Time ms={readToMs} />.{" "}
          <button onClick={() => setParams({ from: new Date(readToMs).toISOString(), t: "" })}>Go on from there</button>
        </p>
      )}
      {from !== "" && (
        <p class="dim">
          It begins at <Time ms={range.fromMs} />: what was said before is not in it.{" "}
          <button onClick={() => setParams({ from: "", t: "" })}>From the beginning</button>
        </p>
      )}
      <ReplayControls replay={replay} view={view} />
      <Scrubber replay={replay} />
      <div class="replay-parts">
        <section aria-label="Charts">
          <ReplayCharts replay={replay} />
        </section>
        <section class="replay-side">
          <ReplayAlerts replay={replay} />
          <ReplayChat replay={replay} />
        </section>
      </div>
    </div>
  );
}

function timeIn(text: string | null): number | undefined {
  const ms = Date.parse(text ?? "");
  return Number.isNaN(ms) ? undefined : ms;
}
