/** Names of metrics: as Prometheus has them, and wherever they are named there is one. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createMetrics } from "../../src/metrics/metrics.ts";
import { program, testNeeding } from "../support/needs.ts";

const root = join(import.meta.dir, "../..");

test("pages, the dashboard and the rules name only metrics that there are", () => {
  const names = new Set(
    createMetrics()
      .registry.getMetricsAsArray()
      .map(({ name }) => name),
  );
  const files = ["README.md", "deploy/grafana/dashboards/watchpost.json", "deploy/prometheus/watchpost.rules.yml"];
  const pages = readdirSync(join(root, "docs"), { encoding: "utf8" }).filter((file) => file.endsWith(".md"));
  const wrong = [...files, ...pages.map((page) => `docs/${page}`)].flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/\bwatchpost_[a-z0-9_]+[a-z0-9](?![a-z0-9_*.])/g)]
      .map(([name]) => name.replace(/_(bucket|count|sum)$/, ""))
      .filter((name) => !names.has(name))
      .map((name) => `${file}: ${name}`),
  );
  expect(wrong).toEqual([]);
});

testNeeding([program("promtool") && "Debian's prometheus"])(
  "names, units and labels are as Prometheus has them",
  async () => {
    const { registry } = createMetrics();
    const check = (text: string) => Bun.spawnSync(["promtool", "check", "metrics"], { stdin: new Blob([text]) });
    const { exitCode, stderr } = check(await registry.metrics());
    expect([exitCode, stderr.toString()]).toEqual([0, ""]);
    expect(
      check("# HELP watchpost_cpu_total x\n# TYPE watchpost_cpu_total gauge\nwatchpost_cpu_total 1\n").exitCode,
    ).not.toBe(0);
  },
);
