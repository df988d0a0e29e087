/** The alert about lost points: all of them are in it, whatever meets with trouble. */
import { expect, test } from "bun:test";
import { DropAlarm } from "../../src/app/drop-alarm.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { ANONYMOUS } from "../../src/wire/service.ts";

const context = { signal: new AbortController().signal, principal: ANONYMOUS, headers: new Map(), peer: "" };

test("what comes while it is raised, and what could not be said, is said next", async () => {
  const values: number[] = [];
  const failures: unknown[] = [];
  let isBroken = false;
  const published = async (alert: { value: number }) => {
    if (isBroken) throw new Error("the journal cannot be written");
    values.push(alert.value);
  };
  const others = { published: true, labels: { upstream: "elsewhere" }, value: 1_000 };
  const commands = async (method: unknown, request: unknown) => {
    await Bun.sleep(1);
    if (method === Alerts.method.publishAlert) return published(request as { value: number });
    const standing = values.map((value) => ({ published: true, labels: { upstream: "centre" }, value })).slice(-1);
    return { alerts: [others, ...standing] };
  };
  const onFailure = (error: unknown) => void failures.push(error);
  const alarm = new DropAlarm({ upstream: "centre", commands: commands as never, context, onFailure });
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await Bun.sleep(1);
  };
  for (const points of [1, 2, 4]) alarm.add(points, "given up");
  await until(() => values.length === 2);
  isBroken = true;
  alarm.add(8, "given up");
  await until(() => failures.length === 1);
  isBroken = false;
  alarm.add(16, "given up");
  await until(() => values.length === 3);
  expect(values).toEqual([1, 7, 31]);
});
