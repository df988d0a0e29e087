import { expect, test } from "bun:test";

/** What times are written as where it is Tokyo's time, local and in UTC. */
const WRITTEN = `
  import { dateTimeText, dayText, longTimeText, timeText } from "./src/console/format.ts";
  import { times } from "./src/console/preferences.ts";
  const [ms, nowMs] = [Date.UTC(2026, 0, 1, 20), Date.UTC(2026, 0, 5)];
  const written = (choice) => {
    times.set(choice);
    return [dayText(ms), dateTimeText(ms), longTimeText(ms), timeText(ms, nowMs), timeText(ms, ms)];
  };
  const meant = (timeZone) => {
    const format = (options) => new Intl.DateTimeFormat(undefined, { timeZone, ...options }).format(ms);
    const day = { year: "numeric", month: "numeric", day: "numeric" };
    const dateTime = format({ ...day, hour: "numeric", minute: "2-digit", second: "2-digit" });
    return [
      format({ dateStyle: "full" }),
      dateTime,
      format({ dateStyle: "medium", timeStyle: "long" }),
      dateTime,
      format({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    ];
  };
  console.log(JSON.stringify([written("local"), meant("Asia/Tokyo"), written("utc"), meant("UTC")]));
`;

test("days and times are local, or of UTC where that was chosen, all of them", async () => {
  const env = { ...process.env, TZ: "Asia/Tokyo" };
  const { stdout } = Bun.spawn([process.execPath, "-e", WRITTEN], { cwd: `${import.meta.dir}/../..`, env });
  const [local, tokyo, utc, meantUtc] = JSON.parse(await new Response(stdout).text());
  expect(local).toEqual(tokyo);
  expect(utc).toEqual(meantUtc);
  expect(local[0]).not.toBe(utc[0]);
  expect(local[1]).toContain("2026");
});
