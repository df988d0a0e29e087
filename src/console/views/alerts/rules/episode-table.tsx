import type { RuleEpisode } from "../../../../wire/gen/rules_pb.ts";
import type { PlotRange } from "../../../charts/plot-model.ts";
import { countText, durationText, msOf } from "../../../format.ts";
import { Severity } from "../../../parts/status.tsx";
import { Time } from "../../../parts/time.tsx";
import { lastedMs } from "./backtest-words.ts";

const SHOWN = 20;

/** The newest first. */
export function EpisodeTable(props: { episodes: readonly RuleEpisode[]; range: PlotRange; more: boolean }) {
  const { episodes, range, more } = props;
  if (episodes.length === 0) return null;
  const shown = episodes.slice(-SHOWN).reverse();
  const left = episodes.length - shown.length;
  return (
    <div class="table-frame" role="region" aria-label="Episodes" tabIndex={0}>
      <table class="table" aria-label="When it would have fired">
        <thead>
          <tr>
            <th scope="col">Fired</th>
            <th scope="col">Lasted</th>
            <th scope="col">Severity</th>
            <th scope="col">Alert</th>
            <th scope="col" title="How long after it fired somebody was told">
              Told
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((episode, i) => {
            const [firedMs, toldMs] = [msOf(episode.firedAt), msOf(episode.toldAt)];
            return (
              <tr key={i}>
                <td>
                  <Time ms={firedMs} />
                </td>
                <td>
                  {durationText(lastedMs(episode, range.toMs))}
                  {episode.clearedAt === undefined && " so far"}
                </td>
                <td>
                  <Severity severity={episode.severityMax} />
                </td>
                <td>{episode.title}</td>
                <td>
                  {toldMs === undefined ? <span class="dim">no</span> : durationText(toldMs - (firedMs ?? toldMs))}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {(left > 0 || more) && (
        <p class="dim">
          {left > 0 && `${countText(left)} earlier ones`}
          {more && `${left > 0 ? ", and " : ""}more than were counted`}
        </p>
      )}
    </div>
  );
}
