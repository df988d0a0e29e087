/** The Grafana dashboard and the alert rules of deploy/, asked of a real Prometheus that scrapes a server: every query has an answer. */
import { expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { freePort } from "../bench/server-process.ts";
import { program, testNeeding } from "../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";

const deploy = join(import.meta.dir, "../../deploy");
const PATIENCE_MS = 60_000;
const MISSING = [program("prometheus") && "Debian's prometheus"];

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly query: { readonly query: string } }[] };
}

const dashboard = JSON.parse(readFileSync(join(deploy, "grafana/dashboards/watchpost.json"), "utf8")) as Dashboard;
const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

/** deploy/prometheus with a target and intervals of the test's own. */
async function startPrometheus(dir: string, http: string) {
  mkdirSync(join(dir, "prometheus"));
  copyFileSync(join(deploy, "prometheus/watchpost.rules.yml"), join(dir, "prometheus/watchpost.rules.yml"));
  const config = readFileSync(join(deploy, "prometheus/prometheus.yml"), "utf8");
  const file = join(dir, "prometheus/prometheus.yml");
  writeFileSync(file, config.replace("watchpost:8080", http).replaceAll(/_interval: \w+/g, "_interval: 200ms"));
  const address = `127.0.0.1:${freePort()}`;
  const flags = [`--config.file=${file}`, `--storage.tsdb.path=${dir}/tsdb`, `--web.listen-address=${address}`];
  const command = ["prometheus", ...flags, "--log.level=error"];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  const ask = async <T>(path: string): Promise<T> => {
    const answer = (await (await fetch(`http://${address}/api/v1/${path}`)).json()) as {
      status: string;
      error?: string;
      data: T;
    };
    if (answer.status !== "success") throw new Error(answer.error);
    return answer.data;
  };
  return {
    ask,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** Something of all that is counted: points that are stored and refused, queries, calls that fail. */
async function use({ http }: ServerProcess): Promise<void> {
  const call = (method: string, body: unknown) =>
    fetch(`http://${http}/analytics.${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const points = ["m", "?"].map((metricName) => ({ metricName, value: 1 }));
  await call("DataIngestion/UploadBatch", { source: "s", points });
  await call("Dashboard/QueryRange", { metric: "m" });
  await call("Dashboard/QueryRange", { metric: "m", stepMs: -1 });
}

/** As Grafana fills it in. */
function filledIn(expr: string, instance: string): string {
  return expr.replaceAll("$instance", instance).replaceAll("$__rate_interval", "5s");
}

testNeeding(MISSING)(
  "every query of the dashboard returns series, and every rule is evaluated",
  async () => {
    using dir = tempDir("grafana");
    const server = await startServerProcess({ data: join(dir.path, "data") });
    await using prometheus = await startPrometheus(dir.path, server.http);
    try {
      expect(queries.length).toBeGreaterThan(20);
      const answers = async ({ expr }: { expr: string }, instance: string) => {
        const query = encodeURIComponent(filledIn(expr, instance));
        return (await prometheus.ask<{ result: object[] }>(`query?query=${query}`)).result.length;
      };
      const deadlineMs = performance.now() + PATIENCE_MS;
      let unanswered = queries;
      while (unanswered.length > 0 && performance.now() < deadlineMs) {
        await use(server);
        await Bun.sleep(300);
        const counts = await Promise.all(unanswered.map((query) => answers(query, ".*").catch(() => 0)));
        unanswered = unanswered.filter((_, i) => counts[i] === 0);
      }
      expect(unanswered).toEqual([]);
      // The choice of a server is one of those that the variable lists, and narrows all of them.
      const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(dashboard.templating.list[0].query.query)!;
      expect(await prometheus.ask<string[]>(`label/${label}/values?match[]=${metric}`)).toEqual([server.http]);
      const elsewhere = await Promise.all(queries.map((query) => answers(query, "elsewhere")));
      const everywhere = queries.filter((_, i) => elsewhere[i] > 0).map(({ title }) => title);
      expect(everywhere).toEqual(["Points dropped in a day"]);

      const { groups } = await prometheus.ask<{ groups: { rules: RuleState[] }[] }>("rules");
      const rules = groups.flatMap((group) => group.rules);
      expect(rules.length).toBeGreaterThan(5);
      expect(rules.filter(({ health }) => health !== "ok")).toEqual([]);
      expect(rules.filter(({ state }) => state === "firing").map(({ name }) => name)).toEqual([]);
      const text = await (await fetch(`http://${server.http}/metrics`)).text();
      const told = new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name));
      const asked = [...JSON.stringify([groups, queries]).matchAll(/watchpost_\w+/g)];
      const names = new Set(asked.map(([name]) => name.replace(/_bucket$/, "")));
      expect([...names].filter((name) => !told.has(name))).toEqual([]);
    } finally {
      await server.stop();
    }
  },
  120_000,
);

interface RuleState {
  readonly name: string;
  readonly health: string;
  readonly state: string;
}

test("the dashboard is of the data source that is provisioned, and from where it is mounted", () => {
  const yaml = (file: string) => parse(readFileSync(join(deploy, file), "utf8")) as unknown;
  const { datasources } = yaml("grafana/provisioning/datasources/prometheus.yaml") as {
    datasources: { uid: string; url: string }[];
  };
  const uids = dashboard.panels.flatMap(({ datasource }) => (datasource === undefined ? [] : [datasource.uid]));
  expect([...new Set(uids)]).toEqual([datasources[0].uid]);
  const { providers } = yaml("grafana/provisioning/dashboards/watchpost.yaml") as {
    providers: { options: { path: string } }[];
  };
  const { services } = yaml("compose.yaml") as { services: Record<string, { volumes: string[] }> };
  expect(services["grafana"].volumes).toContain(`./grafana/dashboards:${providers[0].options.path}:ro`);
  expect(Object.keys(services)).toContain(new URL(datasources[0].url).hostname);
});
