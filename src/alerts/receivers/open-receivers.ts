/** From what is configured to what can be sent to. */
import { WatchpostError } from "../../model/errors.ts";
import { alertmanagerReceiver } from "./alertmanager.ts";
import type { ChannelConfig } from "./channel-config.ts";
import { channelNames } from "./channel-target.ts";
import { emailReceiver, smtpServerOf } from "./email.ts";
import { addressOf, type HttpTarget } from "./http-post.ts";
import { brokerOf, mqttReceiver } from "./mqtt.ts";
import { pagerDutyReceiver } from "./pagerduty.ts";
import type { ReceiverConfig } from "./receiver-config.ts";
import type { Receiver, ReceiverDeps } from "./receiver.ts";
import { slackReceiver } from "./slack.ts";
import { tlsOptions } from "./tls-files.ts";
import { webhookReceiver } from "./webhook.ts";

/**
 * One for each channel, by the receiver's name. Nothing is connected to, but every secret and TLS file is read once: throws
 * FAILED_PRECONDITION, naming receiver and channel, for what could never be sent.
 */
export async function openReceivers(
  configs: readonly ReceiverConfig[],
  deps: ReceiverDeps,
): Promise<Map<string, readonly Receiver[]>> {
  const receivers = new Map<string, readonly Receiver[]>();
  for (const config of configs) receivers.set(config.name, await openChannels(config, deps));
  return receivers;
}

async function openChannels({ name, sendResolved, channels }: ReceiverConfig, deps: ReceiverDeps): Promise<Receiver[]> {
  const opened: Receiver[] = [];
  const names = channelNames(channels);
  for (const [i, config] of channels.entries()) {
    const { timeoutMs } = config;
    const channel = names[i];
    await verify(config, `receiver ${name}, ${channel}`);
    opened.push(receiverOf(config, { name, channel, sendResolved, timeoutMs }, deps));
  }
  return opened;
}

function receiverOf(config: ChannelConfig, identity: Omit<Receiver, "send" | "close">, deps: ReceiverDeps): Receiver {
  switch (config.kind) {
    case "webhook":
      return webhookReceiver(identity, config, deps);
    case "alertmanager":
      return alertmanagerReceiver(identity, config, deps);
    case "pagerduty":
      return pagerDutyReceiver(identity, config, deps);
    case "slack":
      return slackReceiver(identity, config, deps);
    case "email":
      return emailReceiver(identity, config, deps);
    case "mqtt":
      return mqttReceiver(identity, config, deps);
  }
}

async function verify(config: ChannelConfig, what: string): Promise<void> {
  try {
    if (config.kind === "email") await smtpServerOf(config);
    else if (config.kind === "mqtt") await brokerOf(config);
    else await verifyTarget(config);
    if (config.kind === "webhook") await config.secret?.reveal();
    if (config.kind === "pagerduty") await config.routingKey.reveal();
  } catch (error) {
    if (!(error instanceof WatchpostError)) throw error;
    throw new WatchpostError("FAILED_PRECONDITION", `${what}: ${error.message}`);
  }
}

async function verifyTarget(target: HttpTarget): Promise<void> {
  await addressOf(target);
  await tlsOptions(target.tls);
}
