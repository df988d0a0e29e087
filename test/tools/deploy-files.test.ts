/** What lies in deploy/ and cannot be run here is held to the types of whoever reads it; see test/interop for what is run. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import { program, testNeeding, working } from "../support/needs.ts";
import { startServerProcess, tempDir, watchpostCommand, type ServerProcess } from "../support/server-process.ts";
import { envoySchema } from "./envoy-schema.ts";

const deploy = join(import.meta.dir, "../../deploy");
const textOf = (file: string) => readFileSync(join(deploy, file), "utf8");
const PYTHON = "/usr/bin/python3";

function run(command: readonly string[], stdin = "", env: Record<string, string> = {}): { code: number; text: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], {
    stdin: new Blob([stdin]),
    env: { PATH: process.env["PATH"] ?? "", ...env },
  });
  return { code: exitCode, text: `${stdout.toString()}${stderr.toString()}` };
}

describe("compose.yaml", () => {
  const command = ["docker-compose", "--project-directory", deploy, "-f", "-", "config", "-q"];
  const check = (text: string, env: Record<string, string> = { GRAFANA_PASSWORD: "x" }) => run(command, text, env);

  testNeeding([program("docker-compose") && "Debian's docker-compose"])("is what docker-compose takes", () => {
    const text = textOf("compose.yaml");
    expect(check(text)).toEqual({ code: 0, text: "" });
    expect(check(text.replace("restart:", "restrat:")).text).toContain("restrat");
    expect(check(text, {}).text).toContain("say which password admin gets");
  });

  test("publishes ports on loopback alone, and mounts what is there", () => {
    const { services } = parse(textOf("compose.yaml")) as {
      services: Record<string, { ports?: string[]; volumes?: string[]; build?: { dockerfile: string } }>;
    };
    for (const { ports = [], volumes = [] } of Object.values(services)) {
      for (const port of ports) expect(port).toStartWith("127.0.0.1:");
      for (const volume of volumes.filter((each) => each.startsWith("./"))) {
        expect([volume, statSync(join(deploy, volume.split(":")[0])).isDirectory()]).toEqual([volume, true]);
      }
    }
    expect(services["watchpost"].build?.dockerfile).toBe("deploy/Dockerfile");
  });
});

describe("kubernetes.yaml", () => {
  const dir = tempDir("kubernetes");
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServerProcess({ data: join(dir.path, "data") });
  });
  afterAll(async () => {
    await server.stop();
    dir[Symbol.dispose]();
  });

  /** One process for all: loading those types takes seconds. */
  const check = (...texts: string[]) => {
    const { code, text } = run([PYTHON, join(import.meta.dir, "kubernetes_types.py")], JSON.stringify(texts));
    if (code !== 0) throw new Error(text);
    return JSON.parse(text) as string[][];
  };
  const FIND = "import importlib.util as u, sys; sys.exit(None in map(u.find_spec, ('kubernetes', 'yaml')))";
  const MISSING = working("Debian's python3-kubernetes", [PYTHON, "-c", FIND]);

  testNeeding([MISSING])("has only fields that Kubernetes knows, of their types", () => {
    const text = textOf("kubernetes.yaml");
    const wrong = text.replace("readOnlyRootFilesystem", "readOnlyRootFileSystem");
    const [right, ofWrong, ofLess] = check(text, wrong, text.replace("serviceName:", "service:"));
    expect(right).toEqual([]);
    expect(ofWrong.join()).toContain("containers[0].securityContext.readOnlyRootFileSystem is no field");
    expect(ofLess).not.toEqual([]);
  });

  test("its probes are answered by a server, and its settings are some", async () => {
    const [, set] = parseAllDocuments(textOf("kubernetes.yaml")).map((document) => document.toJS() as StatefulSet);
    const [container] = set.spec.template.spec.containers;
    for (const { exec } of [container.startupProbe, container.livenessProbe]) {
      expect(exec.command[0]).toBe("/usr/local/bin/watchpost");
      const command = [...watchpostCommand(false), ...exec.command.slice(1)];
      expect(run(command, "", { WATCHPOST_SERVER: server.grpc })).toEqual({ code: 0, text: "serving\n" });
    }
    expect((await fetch(`http://${server.http}${container.readinessProbe.httpGet.path}`)).status).toBe(200);
    const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
    const config = run([...watchpostCommand(false), "config"], "", env);
    expect(config.text).not.toContain("warning");
    for (const name of Object.keys(env)) expect(config.text).toContain(`# ${name}`);
  });
});

interface StatefulSet {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
}

interface Container {
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly startupProbe: { readonly exec: { readonly command: readonly string[] } };
  readonly livenessProbe: { readonly exec: { readonly command: readonly string[] } };
  readonly readinessProbe: { readonly httpGet: { readonly path: string } };
}

describe("balancers/envoy.yaml", () => {
  test("has only fields that Envoy knows, and routes to clusters that it has", () => {
    const text = textOf("balancers/envoy.yaml");
    const { listeners, clusters } = envoySchema.parse(parse(text)).static_resources;
    const names = clusters.map(({ name }) => name);
    expect(clusters.map(({ load_assignment }) => load_assignment.cluster_name)).toEqual(names);
    const routed = [...text.matchAll(/cluster: (\w+)/g)].map(([, name]) => name);
    expect(routed.filter((name) => !names.includes(name))).toEqual([]);
    expect(listeners.map(({ name }) => name)).toEqual(["grpc", "http"]);
    expect(envoySchema.safeParse(parse(text.replace("stream_idle_timeout", "idle_timeout"))).success).toBe(false);
  });
});

describe("prometheus/", () => {
  const PROMTOOL = program("promtool") && "Debian's prometheus";

  testNeeding([PROMTOOL])("promtool takes the configuration and the rules", () => {
    const { code, text } = run(["promtool", "check", "config", join(deploy, "prometheus/prometheus.yml")]);
    expect([code, text]).toEqual([0, expect.stringMatching(/SUCCESS: \d+ rules found/)]);
  });

  testNeeding([PROMTOOL])("the rules fire where they should, and not before", () => {
    const file = join(import.meta.dir, "watchpost.rules.test.yml");
    expect(run(["promtool", "test", "rules", file])).toEqual({ code: 0, text: expect.stringContaining("SUCCESS") });
  });

  test("every rule says what to do, in severities that the alerts of Watchpost have", () => {
    const { groups } = parse(textOf("prometheus/watchpost.rules.yml")) as { groups: { rules: Rule[] }[] };
    for (const { alert, labels, annotations } of groups.flatMap(({ rules }) => rules)) {
      expect([alert, ["low", "medium", "high", "critical"].includes(labels.severity)]).toEqual([alert, true]);
      expect([alert, annotations.summary, annotations.action]).toEqual([alert, expect.any(String), expect.any(String)]);
    }
  });
});

interface Rule {
  readonly alert: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly action: string };
}
