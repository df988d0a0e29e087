/** Debian's Alertmanager as a process, and a server that its webhooks go to. */
import { join } from "node:path";
import { killAtExit } from "../../bench/cleanup.ts";
import { freePort, stopChild } from "../../bench/server-process.ts";
import { tempDir } from "../../support/server-process.ts";

export const ALERTMANAGER = "prometheus-alertmanager";
const DEADLINE_MS = 60_000;
const POLL_MS = 50;

type Labels = Readonly<Record<string, string>>;

export interface SentWebhook {
  readonly receiver: string;
  readonly groupKey: string;
  readonly alerts: readonly { readonly status: "firing" | "resolved"; readonly labels: Labels }[];
}

export interface ListedAlert {
  readonly labels: Labels;
  readonly status: { readonly silencedBy: readonly string[]; readonly inhibitedBy: readonly string[] };
}

export interface GivenSilence {
  readonly matchers: readonly { name: string; value: string; isRegex: boolean; isEqual: boolean }[];
}

export interface AlertmanagerProcess extends AsyncDisposable {
  readonly sent: readonly SentWebhook[];
  post(alerts: readonly { labels: Labels; isOver: boolean }[]): Promise<void>;
  /** Returns its id. */
  silence(given: GivenSilence): Promise<string>;
  expire(id: string): Promise<void>;
  list(): Promise<ListedAlert[]>;
  /** Resolves when `isThere` says so; throws with what it says otherwise where that takes too long. */
  until(isThere: () => true | string | Promise<true | string>): Promise<void>;
}

/** `settingsOf` makes the configuration for the address that webhooks of each receiver go to. */
export async function startAlertmanager(settingsOf: (webhook: string) => string): Promise<AlertmanagerProcess> {
  const sent: SentWebhook[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      sent.push((await request.json()) as SentWebhook);
      return new Response();
    },
  });
  const dir = tempDir("alertmanager");
  const file = join(dir.path, "alertmanager.yml");
  await Bun.write(file, settingsOf(`http://127.0.0.1:${server.port}/`));
  const address = `127.0.0.1:${freePort()}`;
  const flags = [`--config.file=${file}`, `--storage.path=${dir.path}`, `--web.listen-address=${address}`];
  const command = [ALERTMANAGER, ...flags, "--cluster.listen-address=", "--log.level=error"];
  const child = killAtExit(Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" }));
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const headers = { "content-type": "application/json" };
    const init = body === undefined ? {} : { headers, body: JSON.stringify(body) };
    const response = await fetch(`http://${address}/api/v2/${path}`, { method, ...init });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}: ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  const until: AlertmanagerProcess["until"] = async (isThere) => {
    const deadlineMs = performance.now() + DEADLINE_MS;
    for (;;) {
      if (child.exitCode !== null) throw new Error(`Alertmanager ended: ${await child.stderr.text()}`);
      const answer = await isThere();
      if (answer === true) return;
      if (performance.now() > deadlineMs) throw new Error(answer);
      await Bun.sleep(POLL_MS);
    }
  };
  await until(() =>
    call("GET", "status").then(
      () => true as const,
      (error: unknown) => String(error),
    ),
  );
  return {
    sent,
    until,
    async post(alerts) {
      const nowMs = Date.now();
      // One that began longer ago than the group's wait would not wait.
      const timesOf = (isOver: boolean) => (isOver ? [nowMs - 2, nowMs - 1] : [nowMs, nowMs + 3_600_000]);
      const body = alerts.map(({ labels, isOver }) => {
        const [startsAt, endsAt] = timesOf(isOver).map((ms) => new Date(ms).toISOString());
        return { labels, startsAt, endsAt };
      });
      await call("POST", "alerts", body);
    },
    async silence({ matchers }) {
      const nowMs = Date.now();
      const times = { startsAt: new Date(nowMs).toISOString(), endsAt: new Date(nowMs + 3_600_000).toISOString() };
      const answer = await call("POST", "silences", { matchers, ...times, createdBy: "test", comment: "test" });
      return (answer as { silenceID: string }).silenceID;
    },
    async expire(id) {
      await call("DELETE", `silence/${id}`);
    },
    async list() {
      return (await call("GET", "alerts")) as ListedAlert[];
    },
    async [Symbol.asyncDispose]() {
      await stopChild("Alertmanager", child);
      await server.stop(true);
      dir[Symbol.dispose]();
    },
  };
}
