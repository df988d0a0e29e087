/** kill -9 while dashboards are saved and deleted: what was answered is there, and nothing that was deleted comes back. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Connection } from "../../../src/client/connection.ts";
import { allDashboards, deleteDashboard, getDashboard, putDashboard } from "../../../src/client/saved-dashboards.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { PanelKind, type SavedDashboard } from "../../../src/wire/gen/saved_dashboards_pb.ts";
import { ownPort } from "../../support/own-port.ts";
import { randomOf } from "../../support/random.ts";
import { startServerProcess, tempDir } from "../../support/server-process.ts";

const KILLS = 3;
const IDS = ["a", "b", "c"];

/** What was answered last of one, and what was asked for after that and got no answer. */
interface Known {
  answered: SavedDashboard | "deleted";
  asked: string | "deleted" | undefined;
}

test("killed again and again: each dashboard is as it was answered, or as it was asked for last", async () => {
  const seed = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1) || Date.now();
  const random = randomOf(seed);
  using dir = tempDir("dashboards-kill");
  const options = { data: join(dir.path, "data"), args: ["--grpc", `127.0.0.1:${ownPort()}`] };
  let server = await startServerProcess(options);
  const connection = new Connection(server.grpc);
  const known = new Map<string, Known>(IDS.map((id) => [id, { answered: "deleted", asked: undefined }]));
  const wrong: string[] = [];
  let [answers, isWorking] = [0, true];

  /** One change of one dashboard; what a lost answer was about is read before the next one. */
  const change = async (id: string): Promise<void> => {
    const own = known.get(id)!;
    if (own.asked !== undefined) await settle(id, own);
    const { answered } = own;
    if (answered !== "deleted" && random() < 0.2) {
      own.asked = "deleted";
      await deleteDashboard(connection, { dashboardId: id, userId: "ann" });
      own.answered = "deleted";
    } else {
      own.asked = `title ${random()}`;
      const panels = Array.from({ length: 20 }, (_, i) => ({
        ...{ id: `p${i}`, kind: PanelKind.LINE, title: own.asked!, width: 12, height: 4, y: 4 * i },
      }));
      const revision = answered === "deleted" ? 0n : answered.revision;
      const dashboard = { dashboardId: id, title: own.asked, panels };
      const saved = await putDashboard(connection, { dashboard, revision, userId: "ann" });
      if (answered !== "deleted" && saved.revision !== answered.revision + 1n) wrong.push(`${id}: ${saved.revision}`);
      own.answered = saved;
    }
    own.asked = undefined;
    answers++;
  };

  const settle = async (id: string, own: Known): Promise<void> => {
    const { answered, asked } = own;
    const found = await getDashboard(connection, id).catch((error: unknown) => {
      if (error instanceof WatchpostError && error.status === "NOT_FOUND") return "deleted" as const;
      throw error;
    });
    const titles = [answered, found].map((one) => (one === "deleted" ? one : one.title));
    if (titles[1] !== titles[0] && titles[1] !== asked) wrong.push(`${id} is ${titles[1]}; ${titles[0]} or ${asked}`);
    if (found !== "deleted" && found.panels.some(({ title }) => title !== found.title))
      wrong.push(`${id} is not whole`);
    own.answered = found;
    own.asked = undefined;
  };

  const working = IDS.map(async (id) => {
    while (isWorking) {
      await change(id).catch((error: unknown) => {
        if (!(error instanceof WatchpostError) || error.status !== "UNAVAILABLE") wrong.push(String(error));
      });
      await Bun.sleep(1);
    }
  });
  for (let kill = 0; kill < KILLS; kill++) {
    const before = answers;
    while (answers < before + 20 && wrong.length === 0) await Bun.sleep(5);
    await Bun.sleep(random() * 50);
    server.kill("SIGKILL");
    await server.exited;
    server = await startServerProcess(options);
  }
  isWorking = false;
  await Promise.all(working);

  // The channel may not have found the server again yet.
  for (let i = 0; ; i++) {
    try {
      for (const [id, own] of known) await settle(id, own);
      break;
    } catch (error) {
      if (i === 200) throw error;
      await Bun.sleep(50);
    }
  }
  const listed = await Array.fromAsync(allDashboards(connection));
  const there = [...known].filter(([, { answered }]) => answered !== "deleted").map(([id]) => id);
  expect({ seed, wrong, ids: listed.map(({ dashboardId }) => dashboardId) }).toEqual({ seed, wrong: [], ids: there });
  expect(server.log().filter(({ level }) => Number(level) >= 50)).toEqual([]);
  connection.close();
  await server.stop();
}, 120_000);
