import { useState } from "preact/hooks";
import type { ChannelTest, ReceiverChannel, ReceiverInfo } from "../../../../wire/gen/receivers_pb.ts";
import { alertsApi } from "../../../api.ts";
import { errorText } from "../../../errors.ts";
import { countText, msOf } from "../../../format.ts";
import { Age, Time } from "../../../parts/time.tsx";
import { pathTo } from "../../../route.ts";
import { user } from "../../../user.ts";
import { Alerts } from "../../../../wire/gen/alerts_pb.ts";
import { may } from "../../../who.ts";

interface Tested {
  readonly channels: readonly ChannelTest[];
  /** Why nothing was sent; "": something was. */
  readonly failure: string;
}

/** From the press of a button to what the other side says. */
export function ReceiverCard({ receiver, refresh }: { receiver: ReceiverInfo; refresh(): void }) {
  const { name, channels, sendResolved, attempts } = receiver;
  const [testing, setTesting] = useState<string>();
  const [tested, setTested] = useState<Tested>();
  const test = async (channel: string) => {
    if (testing !== undefined) return;
    setTesting(channel);
    setTested(undefined);
    try {
      const answer = await alertsApi.testReceiver({ receiver: name, channel, userId: user.peek() });
      setTested({ channels: answer.channels, failure: "" });
    } catch (error) {
      setTested({ channels: [], failure: errorText(error) });
    }
    setTesting(undefined);
    refresh();
  };
  const canTest = may(Alerts.method.testReceiver);
  const failing = channels.filter(({ failuresInRow }) => failuresInRow > 0).length;
  return (
    <li class="card receivers-card" data-failing={failing > 0}>
      <div class="toolbar">
        <h2>{name}</h2>
        {!sendResolved && <span class="chip">not told when alerts are over</span>}
        {channels.length > 0 && canTest && (
          <button
            type="button"
            class="push"
            aria-disabled={testing !== undefined}
            aria-label={`Test ${name}`}
            onClick={() => void test("")}
          >
            {testing === "" ? "Sending…" : "Test"}
          </button>
        )}
      </div>
      {channels.length === 0 && <p class="dim">It has no channels: what it is told is dropped.</p>}
      <ul class="receivers-channels">
        {channels.map((channel) => (
          <Channel
            key={channel.name}
            {...{ channel }}
            result={tested?.channels.find((each) => each.channel === channel.name)}
            isTesting={testing === "" || testing === channel.name}
            {...(channels.length > 1 && canTest && { onTest: () => void test(channel.name) })}
          />
        ))}
      </ul>
      <div role="status">
        {tested?.failure && <p class="field-error">No test was sent: {tested.failure}</p>}
        {tested !== undefined && tested.failure === "" && (
          <p class="unseen">
            {tested.channels.map(({ channel, sent, outcome }) => `${channel}: ${sent ? "sent" : outcome}`).join("; ")}
          </p>
        )}
      </div>
      {attempts.length > 0 && (
        <details>
          <summary>The last {attempts.length === 1 ? "attempt" : `${attempts.length} attempts`}</summary>
          <Attempts receiver={receiver} />
        </details>
      )}
    </li>
  );
}

interface ChannelProps {
  readonly channel: ReceiverChannel;
  readonly result: ChannelTest | undefined;
  readonly isTesting: boolean;
  /** Missing: the receiver's own button does it. */
  onTest?(): void;
}

function Channel({ channel, result, isTesting, onTest }: ChannelProps) {
  const { name, target, lastDeliveredAt, lastFailedAt, lastFailure, failuresInRow, underWay, settings } = channel;
  return (
    <li>
      <div class="receivers-channel">
        <strong>{name}</strong>
        <code>{target}</code>
        <span class="dim">
          {lastDeliveredAt === undefined ? (
            "nothing was delivered yet"
          ) : (
            <>
              delivered <Age ms={msOf(lastDeliveredAt)} /> ago
            </>
          )}
          {underWay > 0 && ` · ${countText(underWay)} on the way`}
        </span>
        {onTest && (
          <button type="button" class="quiet" aria-disabled={isTesting} aria-label={`Test ${name}`} onClick={onTest}>
            Test
          </button>
        )}
      </div>
      {failuresInRow > 0 && result === undefined && (
        <p class="field-error">
          failed {failuresInRow === 1 ? "" : `${countText(failuresInRow)} times in a row, last `}
          <Age ms={msOf(lastFailedAt)} /> ago: {lastFailure}
        </p>
      )}
      {result !== undefined && (
        <p class={result.sent ? "receivers-sent" : "field-error"}>
          {result.sent ? "✓ The test was taken" : `The test was not taken: ${result.outcome}`}{" "}
          <span class="dim">({countText(result.durationMs)} ms)</span>
        </p>
      )}
      <details>
        <summary>Settings of {name}</summary>
        <pre>{prettySettings(settings)}</pre>
      </details>
    </li>
  );
}

function Attempts({ receiver: { attempts } }: { receiver: ReceiverInfo }) {
  return (
    <div class="table-frame" role="region" aria-label="Attempts" tabIndex={0}>
      <table class="table" aria-label="The last attempts">
        <thead>
          <tr>
            <th scope="col">At</th>
            <th scope="col">Channel</th>
            <th scope="col">Why</th>
            <th scope="col">Outcome</th>
            <th scope="col">Alerts</th>
          </tr>
        </thead>
        <tbody>
          {attempts.map(({ at, channel, reason, outcome, delivered, attempt, alertIds, alertsTotal }, i) => (
            <tr key={i}>
              <td>
                <Time ms={msOf(at)} />
              </td>
              <td>{channel}</td>
              <td>{reason}</td>
              <td class={delivered ? "" : "field-error"}>
                {outcome}
                {attempt > 1 && <span class="dim"> (attempt {attempt})</span>}
              </td>
              <td>
                {alertIds.slice(0, 3).map((id) => (
                  <span key={id}>
                    <a href={pathTo("alerts", id)}>{id.slice(0, 8)}</a>{" "}
                  </span>
                ))}
                {alertsTotal > 3n && `and ${countText(alertsTotal - 3n)} more`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function prettySettings(settings: string): string {
  try {
    return JSON.stringify(JSON.parse(settings), null, 2);
  } catch {
    return settings;
  }
}
