/** Silences that stand or are to come, as of a moment ago: there is no stream of them. */
import { signal } from "@preact/signals";
import { SilenceState, type Alert, type Silence } from "../../wire/gen/alerts_pb.ts";
import { alertsApi } from "../api.ts";
import { msOf } from "../format.ts";
import { serverNowMs } from "../now.ts";
import { alertBook, setSilenced } from "./alerts.ts";
import { testOfSilence, type SilenceTest } from "./silence-test.ts";

const READ_EVERY_MS = 20_000;
const RETRY_MS = 5_000;

export const silences = signal<readonly Silence[]>([]);
/** Those whose time it is, each with what it takes. */
const standing = signal<readonly { readonly silence: Silence; readonly takes: SilenceTest }[]>([]);
let reading = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** The one that keeps an alert quiet and ends last; undefined: none, as far as the page can tell. */
export function silenceOf({ alert }: { alert: Alert }): Silence | undefined {
  const site = alertBook.deviceSite(alert);
  return standing.value.findLast(({ takes }) => takes(alert, site) === true)?.silence;
}

/** Reads them now, and again while somebody looks. */
export async function readSilences(): Promise<void> {
  const nth = ++reading;
  clearTimeout(timer);
  let againMs = READ_EVERY_MS;
  try {
    const { silences: read } = await alertsApi.listSilences({});
    if (nth !== reading) return;
    silences.value = read;
    apply();
  } catch {
    // The stream of alerts says that the connection is broken.
    againMs = RETRY_MS;
  }
  if (nth === reading) timer = setTimeout(readSilences, againMs);
}

/** What has begun or ended by now. */
function apply(): void {
  const nowMs = serverNowMs();
  const present = silences.value.filter(({ state, startsAt, endsAt }) => {
    return state !== SilenceState.EXPIRED && (msOf(startsAt) ?? 0) <= nowMs && (msOf(endsAt) ?? 0) > nowMs;
  });
  standing.value = present.map((silence) => ({ silence, takes: testOfSilence(silence) }));
  const takers = standing.value.map(({ takes }) => takes);
  setSilenced((alert) => {
    if (takers.length === 0) return false;
    const site = alertBook.deviceSite(alert);
    return takers.some((takes) => takes(alert, site) === true);
  });
}
