/** Services of the desk, as health tells of them; the server serves all the while. */
import { expect, test } from "bun:test";
import { DeskHealth } from "../../src/app/desk-health.ts";
import { DESK_TTL_MS } from "../../src/cluster/desk-lease.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ManualClock } from "../support/manual-clock.ts";

test("they serve where a desk is known and Redis is not away for longer than its lease", () => {
  const clock = new ManualClock();
  const health = new HealthState();
  health.serve();
  let follower: (isUp: boolean) => void = () => {};
  const redis = {
    isUp: true,
    follow: (listener: (isUp: boolean) => void) => {
      follower = listener;
      return () => (follower = () => {});
    },
  };
  let isDeskKnown = false;
  const services = ["analytics.Alerts", "analytics.Devices"];
  const desk = new DeskHealth({ health, redis, clock, services, isDeskKnown: () => isDeskKnown });
  const served = () => ["", ...services, "analytics.DataIngestion"].map((service) => health.serves(service));
  expect(served()).toEqual([true, false, false, true]);
  isDeskKnown = true;
  desk.look();
  expect(served()).toEqual([true, true, true, true]);
  follower(false);
  clock.advance(DESK_TTL_MS - 1);
  expect(served()).toEqual([true, true, true, true]);
  follower(true);
  follower(false);
  clock.advance(DESK_TTL_MS - 1);
  expect(served()).toEqual([true, true, true, true]);
  clock.advance(1);
  expect(served()).toEqual([true, false, false, true]);
  expect(health.reason).toBeUndefined();
  follower(true);
  expect(served()).toEqual([true, true, true, true]);
  follower(false);
  desk.close();
  clock.advance(DESK_TTL_MS);
  expect(served()).toEqual([true, true, true, true]);
});
