import type { ServerStatus } from "../../../wire/gen/server_pb.ts";
import { serverStatus } from "../../data/server.ts";
import { bytesText, countOf, countText, durationText, msOf, numberText } from "../../format.ts";
import { Sparkline } from "../../parts/sparkline.tsx";
import { refusalText } from "./refusal-text.ts";
import { TileGroup } from "./tiles.tsx";

/** What comes in, and how late: of the whole server, or of all that one sees of it, whichever site is looked at. */
export function Ingest({ site }: { site: string }) {
  const status = serverStatus.value;
  const title =
    site === "" ? "Points" : (status?.scope ?? "") === "" ? "Points, of all sites" : "Points, of all you see";
  if (status === undefined) {
    return (
      <TileGroup title={title}>
        <p class="dim">Asking …</p>
      </TileGroup>
    );
  }
  const { pointsPerS, batchesPerS, recentPointsPerS, lag, scope } = status;
  const batches = scope === "" ? `${numberText(batchesPerS)} batches a second; both over` : "Over";
  return (
    <TileGroup title={title}>
      <div class="overview-ingest">
        <p title={`${batches} the last ten seconds`}>
          <b>{rateText(pointsPerS)}</b> a second
        </p>
        <Sparkline values={recentPointsPerS} label="Points a second in the last ten minutes" />
        {scope === "" && (
          <p class="dim" title="From the time of a reading to its being durable here, in the last minute">
            {(lag?.readingP50Ms ?? 0) === 0
              ? "No readings in the last minute"
              : `Readings are ${lagText(lag?.readingP50Ms)} old when kept, 1 % over ${lagText(lag?.readingP99Ms)}`}
          </p>
        )}
        <Refused status={status} />
      </div>
    </TileGroup>
  );
}

function Refused({ status: { refused } }: { status: ServerStatus }) {
  const lately = refused.filter(({ lastMinute }) => lastMinute > 0n);
  if (lately.length === 0) return null;
  const total = lately.reduce((sum, { lastMinute }) => sum + lastMinute, 0n);
  const reasons = lately.map(({ reason, lastMinute }) => `${countText(lastMinute)} ${refusalText(reason)}`);
  return (
    <p class="overview-refused">
      <span aria-hidden="true">⚠</span> {countText(total)} refused in the last minute: {reasons.join(", ")}
    </p>
  );
}

/** Of the process, below what it is about. */
export function ServerLine() {
  const status = serverStatus.value;
  return <p class="dim overview-server">{status === undefined ? "" : serverLine(status)}</p>;
}

function serverLine({
  scope,
  uploadStreams,
  diskBytes,
  diskBudgetBytes,
  diskFreeBytes,
  time,
  startedAt,
  version,
}: ServerStatus) {
  if (scope !== "") return `You see a part of this server: ${scope}`;
  const ofBudget = diskBudgetBytes > 0n ? ` of ${bytesText(Number(diskBudgetBytes))}` : "";
  return [
    `${countOf(uploadStreams, "open stream")}`,
    `${bytesText(Number(diskBytes))}${ofBudget} kept, ${bytesText(Number(diskFreeBytes))} free`,
    `${version} up for ${durationText((msOf(time) ?? 0) - (msOf(startedAt) ?? 0))}`,
  ].join(" · ");
}

function rateText(perS: number): string {
  return perS >= 100 ? countText(perS) : numberText(Math.round(perS * 10) / 10);
}

/** 0: nothing came. */
function lagText(ms = 0): string {
  if (ms === 0) return "–";
  return ms < 1_000
    ? `${countText(ms)} ms`
    : ms < 60_000
      ? `${numberText(Math.round(ms / 100) / 10)} s`
      : durationText(ms);
}
