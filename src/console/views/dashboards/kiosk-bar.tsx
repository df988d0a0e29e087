import { useEffect, useState } from "preact/hooks";
import { broken } from "../../connection.ts";
import { durationText } from "../../format.ts";
import { browserNowMs } from "../../now.ts";
import { go, pathTo, route, setParams } from "../../route.ts";
import { fillScreen, leaveFullScreen, useFullScreen } from "./full-screen.ts";
import { kioskTurn } from "./kiosk-turn.ts";
import { useWakeLock } from "./wake-lock.ts";

/** The controls of a wall screen show themselves while somebody moves the pointer, or reaches them with the keyboard. */
const SHOWN_MS = 4_000;

/** All there is besides panels on a wall screen: whether it is live, and, for a moment, how to leave. */
export function KioskBar({ id, title }: { id: string; title: string }) {
  const isShown = useMoved();
  const isFull = useFullScreen();
  const awake = useWakeLock();
  const { params } = route.value;
  useEffect(() => {
    document.documentElement.dataset["kiosk"] = isShown ? "" : "still";
  }, [isShown]);
  useEffect(
    () => () => {
      delete document.documentElement.dataset["kiosk"];
      // The next one of a cycle fills the screen as this one did.
      if (!route.peek().params.has("kiosk")) leaveFullScreen();
    },
    [],
  );
  useEffect(() => {
    const turn = kioskTurn(id, params);
    if (turn === undefined) return;
    const timer = setTimeout(() => go(`${pathTo("dashboards", turn.nextId)}?${turn.params.toString()}`), turn.afterMs);
    return () => clearTimeout(timer);
  }, [id, params]);
  const present = broken.value;
  return (
    <div class="dash-kiosk" data-shown={isShown}>
      <p role="status" class="live" data-broken={present !== undefined}>
        {present === undefined ? (
          "● live"
        ) : (
          <>
            ✕ not live <span aria-hidden="true">for {durationText(browserNowMs.value - present.sinceMs)}</span>
          </>
        )}
      </p>
      <div class="dash-kiosk-controls">
        <strong>{title}</strong>
        {awake !== "" && <span class="dim">{awake}</span>}
        <button type="button" onClick={isFull ? leaveFullScreen : fillScreen}>
          {isFull ? "Leave full screen" : "Full screen"}
        </button>
        <button type="button" onClick={() => setParams({ kiosk: "", cycle: "", with: "" })}>
          Leave kiosk
        </button>
      </div>
    </div>
  );
}

function useMoved(): boolean {
  const [isShown, setShown] = useState(true);
  useEffect(() => {
    const listening = new AbortController();
    const { signal } = listening;
    let timer: ReturnType<typeof setTimeout>;
    const show = () => {
      setShown(true);
      clearTimeout(timer);
      timer = setTimeout(() => setShown(false), SHOWN_MS);
    };
    show();
    for (const name of ["pointermove", "pointerdown", "keydown"])
      addEventListener(name, show, { signal, passive: true });
    return () => {
      clearTimeout(timer);
      listening.abort();
    };
  }, []);
  return isShown;
}
