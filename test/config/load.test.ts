/** Where a setting comes from, and what is said of a wrong one. */
import { describe, expect, test } from "bun:test";
import { loadConfig, variableOf, type ConfigSources } from "../../src/config/load.ts";
import { renderSettings } from "../../src/cli/config.ts";

const GIB = 1024 ** 3;

function load(sources: Partial<ConfigSources> = {}) {
  return loadConfig({ env: {}, flags: {}, machineMemoryBytes: 2 * GIB, ...sources });
}

function file(text: string) {
  return { file: { name: "watchpost.toml", text } };
}

describe("precedence", () => {
  test("defaults < file < environment < flags", () => {
    const toml = file('grpc = "127.0.0.1:1"\nhttp = "127.0.0.1:2"\n[log]\nlevel = "warn"\n');
    const env = { WATCHPOST_HTTP: "127.0.0.1:3", WATCHPOST_LOG_LEVEL: "error" };
    const { config, settings } = load({ ...toml, env, flags: { "log.level": "debug" } });
    expect(config).toMatchObject({
      data: "./watchpost-data",
      grpc: "127.0.0.1:1",
      http: "127.0.0.1:3",
      log: { level: "debug" },
    });
    const origin = (key: string) => settings.find((s) => s.key === key)?.origin;
    expect(["data", "grpc", "http", "log.level"].map(origin)).toEqual([
      "default",
      "watchpost.toml",
      "WATCHPOST_HTTP",
      "--log-level",
    ]);
    const wrong = () => load({ flags: { "redis.url": "http://x" } });
    expect(wrong).toThrow("redis.url is <secret> (--redis):");
  });

  test("durations, sizes and numbers are read from text", () => {
    const env = {
      WATCHPOST_SHUTDOWN_GRACE: "1m30s",
      WATCHPOST_MEMORY_BUDGET: "64MiB",
      WATCHPOST_INGEST_SERIES_MAX: "5000",
      WATCHPOST_INSECURE: "true",
    };
    expect(load({ env }).config).toMatchObject({
      shutdown_grace: 90_000,
      memory: { budget: 64 * 1024 * 1024 },
      ingest: { series_max: 5_000 },
      insecure: true,
    });
  });

  test("origins are a list", () => {
    const origins = (text: string) => load({ env: { WATCHPOST_LIVE_ORIGINS: text } }).config.live.origins;
    expect(load().config.live.origins).toEqual([]);
    expect(origins("none")).toEqual([]);
    expect(origins("")).toEqual([]);
    expect(origins("*")).toEqual(["*"]);
    expect(origins("https://a.example.org, http://b:8080 localhost")).toEqual([
      "https://a.example.org",
      "http://b:8080",
      "localhost",
    ]);
    for (const wrong of ["example.org", "https://a.example.org/", "https://*.example.org"])
      expect(() => origins(wrong)).toThrow("live.origins");
  });

  test("ages and sizes that may be words", () => {
    const retention = (toml: string) => load(file(`[retention]\n${toml}\n`)).config.retention;
    expect(load().config.retention).toEqual({
      raw: Infinity,
      rollup_1m: "auto",
      rollup_1h: Infinity,
      journal: Infinity,
      sessions: Infinity,
      disk_budget: Infinity,
      free_floor: "auto",
    });
    expect(retention('raw = "30d"\nrollup_1h = "keep"\ndisk_budget = "8GiB"\nfree_floor = "none"')).toMatchObject({
      raw: 30 * 86_400_000,
      rollup_1h: Infinity,
      disk_budget: 8 * GIB,
      free_floor: 0,
    });
    expect(retention('journal = "400d"').journal).toBe(400 * 86_400_000);
    for (const wrong of [
      'journal = "59m"',
      'raw = "59m"',
      'raw = "never"',
      "raw = 30",
      'disk_budget = "1MiB"',
      'free_floor = "some"',
    ])
      expect(() => retention(wrong)).toThrow(`retention.${wrong.split(" ")[0]} is `);
  });

  test("some defaults follow from other settings, what is set does not", () => {
    const { config, settings } = load(file('[store]\nprofile = "flash"\nseal_age = "2h"\n'));
    expect(config.store).toMatchObject({ seal_age: 7_200_000, sync_interval: 5_000, merge_runs_min: 8 });
    expect(settings.find(({ key }) => key === "store.sync_interval")!.origin).toBe("follows from store.profile");
    expect(load().config.store).toMatchObject({ seal_age: 3_600_000, sync_interval: 0, merge_runs_min: 4 });
    const fileBytes = (disk_budget: string, own = "") =>
      load(file(`[retention]\ndisk_budget = "${disk_budget}"\n${own}`)).config.store.period_file_bytes_max;
    expect(fileBytes("none")).toBe(GIB);
    expect(fileBytes("100MiB")).toBe(GIB / 64);
    expect(fileBytes("8GiB")).toBe(GIB / 4);
    expect(fileBytes("2TiB")).toBe(GIB);
    expect(fileBytes("8GiB", '[store]\nperiod_file_bytes_max = "32MiB"')).toBe(GIB / 32);
  });

  test("the memory budget follows the machine within bounds", () => {
    const budget = (machineMemoryBytes: number) => load({ machineMemoryBytes }).config.memory.budget;
    expect([budget(GIB / 4), budget(2 * GIB), budget(64 * GIB)]).toEqual([GIB / 8, GIB / 2, GIB]);
  });
});

describe("what is wrong is named, all of it at once", () => {
  test("unknown keys, wrong values, contradictions of both", () => {
    const toml = file('colour = "red"\n[live]\ninterval_min = "soon"\n[store]\nhead_points_max = 5\nsize = 1\n');
    const env = { WATCHPOST_LOG_FORMAT: "xml" };
    expect(() => load({ ...toml, env })).toThrow(
      [
        "the configuration is wrong:",
        '  log.format is "xml" (WATCHPOST_LOG_FORMAT): wanted auto or pretty or json',
        "  store.head_points_max is 5 (watchpost.toml): wanted a whole number from 10000 to 50000000",
      ].join("\n"),
    );
    for (const sentence of [
      'colour is "red" (watchpost.toml): there is no such setting',
      "store.size is 1 (watchpost.toml): there is no such setting",
      'live.interval_min is "soon" (watchpost.toml): "soon" is no duration',
    ]) {
      expect(() => load({ ...toml, env })).toThrow(sentence);
    }
  });

  test("a setting that is called nearly so, or so in another table, is named", () => {
    for (const [toml, said] of [
      ['[upstrem]\naddress = "a:1"\n', "upstrem (watchpost.toml): there is no such setting; did you mean upstream?"],
      ['[upstream]\nadress = "a:1"\n', "did you mean upstream.address?"],
      ['[upstream]\nqueue_age = "1d"\n', "did you mean upstream.queue_age_max?"],
      ['bandwidth = "1MiB"\n', "did you mean upstream.bandwidth?"],
      ['[store]\nraw = "keep"\n', "did you mean retention.raw?"],
      ['[mqtt.a]\nurl = "mqtt://h"\nusernam = "x"\n', "did you mean mqtt.a.username?"],
      ['[mqtt.a]\nurl = "mqtt://h"\n[[mqtt.a.topics]]\npattrn = "x"\n', "did you mean mqtt.a.topics.0.pattern?"],
    ]) {
      expect(() => load(file(toml))).toThrow(said);
    }
    // Of several that are called so nobody knows which was meant.
    expect(() => load(file("[query]\nseries_max = 1\n"))).toThrow(/there is no such setting$/);
    const { warnings } = load({ env: { WATCHPOST_UPSTREAM_ADRESS: "a:1" } });
    expect(warnings).toEqual([
      "WATCHPOST_UPSTREAM_ADRESS in the environment is no setting of Watchpost; it is ignored; did you mean WATCHPOST_UPSTREAM_ADDRESS?",
    ]);
  });

  test("limits that contradict each other", () => {
    expect(() => load(file('[live]\ninterval_min = "2m"\n'))).toThrow(
      'live.interval_min is "2m" (watchpost.toml): wanted at most live.interval_max',
    );
    expect(() => load(file('[upstream]\nfunction = "max"\n'))).toThrow(
      'upstream.function is "max" (watchpost.toml): wanted together with upstream.step, whose points it makes',
    );
    expect(load(file('[upstream]\nfunction = "max"\nstep = "1m"\n')).config.upstream.function).toBe("max");
    expect(() => load(file('[upstream]\nbackoff_min = "2m"\n'))).toThrow(
      'upstream.backoff_min is "2m" (watchpost.toml): wanted at most upstream.backoff_max',
    );
    expect(() => load(file('[upstream]\ntoken_file = "token"\n'))).toThrow(
      'upstream.token_file is "token" (watchpost.toml): wanted together with upstream.tls = true, or an upstream.address of this machine',
    );
    for (const address of ["centre:50051", "10.0.0.1:50051", "127.0.0.1.example.org:50051"]) {
      const text = `[upstream]\naddress = "${address}"\ntoken_file = "token"\n`;
      expect(() => load(file(text))).toThrow('upstream.token_file is "token"');
    }
    for (const address of ["127.0.0.1:50051", "localhost:50051", "[::1]:50051"]) {
      const text = `[upstream]\naddress = "${address}"\ntoken_file = "token"\n`;
      expect(load(file(text)).config.upstream.token_file).toBe("token");
    }
  });

  test("an upstream that cannot be", () => {
    for (const [line, wanted] of [
      ['address = "centre"', "is no address"],
      ['address = "https://centre:50051"', "wanted host:port alone, beside tls = true"],
      ['address = "centre:0"', 'wanted "none" or an address'],
      ['tags = "site"', '"site" is no condition'],
      ['metrics = "a||b"', "upstream.metrics"],
      ['step = "1500ms"', 'wanted "none" or a duration of whole seconds'],
      ['function = "mean"', "wanted avg or min"],
      ['queue_age_max = "1s"', 'wanted "none" or a duration'],
    ]) {
      expect(() => load(file(`[upstream]\n${line}\n`))).toThrow(wanted);
    }
  });

  test("a certificate without its key, or the other way round", () => {
    const said = (lines: string) => {
      try {
        return load(file(`[tls]\n${lines}\n`)).config.tls.cert;
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(said('cert = "a"')).toContain(
      'tls.key is "none" (default): wanted the file of the key that belongs to tls.cert',
    );
    expect(said('key = "b"')).toContain('tls.cert is "none" (default): wanted the file of the certificate');
    expect(said('client_ca = "c"')).toContain('tls.client_ca is "c" (watchpost.toml): wanted together with tls.cert');
    expect(said('client_certificates = "no"')).toContain("wanted required or optional");
    expect(said('cert = "a"\nkey = "b"\nclient_ca = "c"')).toBe("a");
  });

  test("TOML that cannot be read, with its place", () => {
    expect(() => load(file("grpc = \n"))).toThrow(/watchpost\.toml:1:\d+: /);
  });

  test("a table where a value belongs, a value where a table belongs, names of Object.prototype", () => {
    expect(() => load(file("[grpc]\nport = 1\n"))).toThrow("grpc");
    expect(() => load(file('log = "json"\n'))).toThrow('log is "json" (watchpost.toml): wanted a table of settings');
    expect(() => load(file('["__proto__"]\nx = 1\n'))).toThrow("there is no such setting");
  });

  test("variables that are no setting only warn: other programs set such", () => {
    expect(load({ env: { WATCHPOST_SERVICE_HOST: "10.0.0.1", WATCHPOST_CONFIG: "x" } }).warnings).toEqual([
      "WATCHPOST_SERVICE_HOST in the environment is no setting of Watchpost; it is ignored",
    ]);
  });
});

test("addresses are looked at, and what contradicts itself is told beside what is wrong", () => {
  const toml = file('grpc = "foo"\n[live]\ninterval_min = "2m"\ninterval_max = "1m"\n');
  const wrong = () => load({ ...toml, env: { WATCHPOST_HTTP: "[::1" } });
  expect(wrong).toThrow(/grpc is "foo" \(watchpost.toml\): .*wanted host:port/);
  expect(wrong).toThrow(/http is "\[::1" \(WATCHPOST_HTTP\)/);
  expect(wrong).toThrow(/live.interval_min is "2m" \(watchpost.toml\): wanted at most live.interval_max/);
});

test("what `config` prints is a file that gives the same settings", () => {
  const first = load({ env: { WATCHPOST_LIVE_STALE_AFTER: "90s" } });
  const second = load(file(renderSettings(first.settings)));
  expect(second.config).toEqual(first.config);
  expect(variableOf("ingest.series_max")).toBe("WATCHPOST_INGEST_SERIES_MAX");
});
