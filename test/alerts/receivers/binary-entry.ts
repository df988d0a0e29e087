/** Compiled by binary.test.ts: opens the receivers it is given as JSON and sends one notification to each channel. */
import { deliver } from "../../../src/alerts/receivers/delivery.ts";
import { openReceivers } from "../../../src/alerts/receivers/open-receivers.ts";
import { receiversSchema } from "../../../src/alerts/receivers/receiver-config.ts";
import { Slots } from "../../../src/alerts/receivers/slots.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { notificationOf } from "./notifications.ts";

const deps = { clock: systemClock, random: Math.random, slots: new Slots(4) };
const configs = receiversSchema({}).parse(JSON.parse(process.argv[2]));
const { signal } = new AbortController();
const outcomes: string[] = [];
for (const receiver of [...(await openReceivers(configs, deps)).values()].flat()) {
  const { outcome } = await deliver(receiver, notificationOf(), deps, { signal });
  outcomes.push(`${receiver.channel}: ${outcome}`);
}
console.log(JSON.stringify(outcomes));
