/** Receivers for people: where they go, without secrets, and how the last notifications fared. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import type { SetAside } from "../model/set-aside.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import type { ReceiverChannelSchema, ReceiverInfoSchema } from "../wire/gen/receivers_pb.ts";
import { attemptMessage, notedAttempt, type JournalRead, type NotedAttempt } from "./delivery-notes.ts";
import type { NotifySetup } from "./nobody.ts";
import { DELIVERY_EVENT } from "./notice-events.ts";
import type { ChannelConfig } from "./receivers/channel-config.ts";
import { channelNames, targetOf } from "./receivers/channel-target.ts";
import { redactedChannel, type ReceiverConfig } from "./receivers/receiver-config.ts";

export interface ListReceiversDeps {
  setup(): NotifySetup;
  underWay(name: string, channel: string): number;
  readonly read: JournalRead;
  readonly setAside: SetAside;
}

/** Looked through, of each receiver. */
const ATTEMPTS_READ = 200;
const ATTEMPTS_TOLD = 20;

/** `name`: of this one alone; "": of all. Rejects with NOT_FOUND. */
export async function listReceivers(
  name: string,
  deps: ListReceiversDeps,
): Promise<MessageInitShape<typeof ReceiverInfoSchema>[]> {
  const wanted = deps.setup().receivers.filter((config) => name === "" || config.name === name);
  if (name !== "" && wanted.length === 0) {
    throw new WatchpostError("NOT_FOUND", `there is no receiver ${JSON.stringify(name)}`);
  }
  const infos: MessageInitShape<typeof ReceiverInfoSchema>[] = [];
  for (const config of wanted) infos.push(infoOf(config, await attemptsAt(config.name, deps), deps));
  return infos;
}

/** The newest first. */
async function attemptsAt(name: string, { read, setAside }: ListReceiversDeps): Promise<NotedAttempt[]> {
  const query = { after: 0, descending: true, limit: ATTEMPTS_READ, kind: DELIVERY_EVENT, subject: name };
  return (await read(query)).flatMap((entry) => notedAttempt(entry, setAside) ?? []);
}

function infoOf(
  { name, sendResolved, channels }: ReceiverConfig,
  attempts: readonly NotedAttempt[],
  { underWay }: ListReceiversDeps,
): MessageInitShape<typeof ReceiverInfoSchema> {
  const names = channelNames(channels);
  return {
    name,
    sendResolved,
    channels: channels.map((config, i) => {
      const own = attempts.filter(({ channel }) => channel === names[i]);
      return channelOf(config, names[i], own, underWay(name, names[i]));
    }),
    attempts: attempts.slice(0, ATTEMPTS_TOLD).map(attemptMessage),
  };
}

function channelOf(
  config: ChannelConfig,
  name: string,
  attempts: readonly NotedAttempt[],
  underWay: number,
): MessageInitShape<typeof ReceiverChannelSchema> {
  const delivered = attempts.findIndex(({ isDelivered }) => isDelivered);
  const failure = attempts.find(({ isDelivered }) => !isDelivered);
  return {
    name,
    kind: config.kind,
    target: targetOf(config),
    settings: JSON.stringify(redactedChannel(config)),
    ...(delivered < 0 ? {} : { lastDeliveredAt: timestampOfMs(attempts[delivered].atMs) }),
    ...(failure === undefined ? {} : { lastFailedAt: timestampOfMs(failure.atMs), lastFailure: failure.outcome }),
    failuresInRow: delivered < 0 ? attempts.length : delivered,
    underWay,
  };
}
