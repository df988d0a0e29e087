/** Channels over HTTP against real servers, the well-behaved and all the others. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { tempDir } from "../../support/server-process.ts";
import { NASTY, nastyNotification, NOON_MS, notificationOf } from "./notifications.ts";
import { closedPort, rawServer, Rig, selfSigned, until } from "./rig.ts";

interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

/** Answers with what `answer` says, and remembers what it was sent. */
function httpServer(answer: (request: Received, count: number) => Response | Promise<Response>) {
  const received: Received[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      const { method, headers } = request;
      const { pathname, search } = new URL(request.url);
      const one = { method, path: pathname + search, headers, body: await request.text() };
      received.push(one);
      return answer(one, received.length);
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  return { received, url, [Symbol.dispose]: () => void server.stop(true) };
}

const ok = () => new Response("ok");
const TOKEN = "T0000-B1111/sEcReT-sLaCk";

let directory: ReturnType<typeof tempDir>;
beforeAll(() => void (directory = tempDir("receivers")));
afterAll(() => directory[Symbol.dispose]());

test("a webhook posts once, with its headers and the login of its URL", async () => {
  using server = httpServer(ok);
  const rig = new Rig();
  const url = server.url.replace("//", "//us%40er:pa%3Ass@");
  const receiver = await rig.receiver({ webhook: { url: `${url}/hook?x=1`, headers: { "X-Team": "night shift" } } });
  expect(await rig.deliver(receiver, notificationOf({ isRepeated: true }))).toMatchObject({ kind: "delivered" });
  expect(server.received).toHaveLength(1);
  const { method, path, headers, body } = server.received[0];
  expect([method, path]).toEqual(["POST", "/hook?x=1"]);
  expect(JSON.parse(body)).toMatchObject({ version: "4", status: "firing" });
  const names = ["content-type", "x-team", "authorization", "x-watchpost-attempt", "x-watchpost-repeated"];
  const login = `Basic ${Buffer.from("us@er:pa:ss").toString("base64")}`;
  expect(names.map((name) => headers.get(name))).toEqual(["application/json", "night shift", login, "1", "true"]);
  expect(headers.get("user-agent")).toStartWith("watchpost/");
  expect(headers.get("x-watchpost-signature")).toBeNull();
});

test("a webhook with a secret signs timestamp and body; the secret's file is read each time", async () => {
  using server = httpServer(ok);
  const rig = new Rig();
  const file = `${directory.path}/hmac`;
  writeFileSync(file, "first\n");
  const receiver = await rig.receiver({ webhook: { url: server.url, secret_file: file } });
  await rig.deliver(receiver, notificationOf());
  writeFileSync(file, "second\n");
  await rig.deliver(receiver, notificationOf());
  const expected = ["first", "second"].map((secret, index) => {
    const text = `${NOON_MS / 1_000}.${server.received[index].body}`;
    return `sha256=${createHmac("sha256", secret).update(text).digest("hex")}`;
  });
  expect(server.received.map(({ headers }) => headers.get("x-watchpost-signature"))).toEqual(expected);
  expect(server.received[0].headers.get("x-watchpost-timestamp")).toBe(String(NOON_MS / 1_000));
});

test("500 and then 200: delivered at the second attempt", async () => {
  using server = httpServer((_, count) => (count === 1 ? new Response("database is down", { status: 500 }) : ok()));
  const rig = new Rig();
  const receiver = await rig.receiver({ webhook: { url: server.url } });
  expect(await rig.deliver(receiver, notificationOf())).toMatchObject({ kind: "delivered", attempts: 2 });
  const outcome = `${server.url} answered 500 Internal Server Error: database is down`;
  expect(rig.attempts[0]).toMatchObject({ outcome, retryInMs: 750 });
  expect(server.received.map(({ headers }) => headers.get("x-watchpost-attempt"))).toEqual(["1", "2"]);
});

test("429 and 503 are waited out as long as they ask; other 4xx are final", async () => {
  const later = [
    new Response(null, { status: 429, headers: { "retry-after": "7" } }),
    new Response(null, { status: 503, headers: { "retry-after": "Sat, 31 Jan 2026 12:01:07 GMT" } }),
    new Response(null, { status: 408 }),
    new Response(null, { status: 425 }),
  ];
  using server = httpServer(() => later.shift() ?? new Response("no such hook", { status: 404 }));
  const rig = new Rig();
  const receiver = await rig.receiver({ webhook: { url: server.url } });
  const outcome = `${server.url} answered 404 Not Found: no such hook`;
  expect(await rig.deliver(receiver, notificationOf())).toEqual({ kind: "failed", attempts: 5, outcome });
  expect(rig.attempts.map(({ retryInMs }) => retryInMs)).toEqual([7_000, 60_000, 3_000, 6_000, null]);
});

test("a server that takes the request and never answers is cut off, and its connection closed", async () => {
  using server = await rawServer(() => {});
  const rig = new Rig();
  const receiver = await rig.receiver({ webhook: { url: `http://127.0.0.1:${server.port}`, timeout: "3s" } });
  const delivered = rig.deliver(receiver, notificationOf());
  await until(() => server.open.size === 1);
  rig.stop.signal.throwIfAborted();
  rig.clock.advance(3_000);
  await until(() => rig.attempts.length === 1);
  expect(rig.attempts[0]).toMatchObject({ outcome: "no answer within 3s", durationMs: 3_000 });
  await until(() => server.open.size === 1);
  rig.stop.abort();
  expect(await delivered).toMatchObject({ kind: "stopped" });
  await until(() => server.open.size === 0);
});

test("refused, cut off and unknown hosts are named, and tried again", async () => {
  using cutting = await rawServer((socket) => socket.destroy());
  using rude = await rawServer((socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n\r\n"));
  const port = await closedPort();
  const cases = [
    [
      `http://127.0.0.1:${port}/${TOKEN}`,
      `http://127.0.0.1:${port} refused the connection: does it run, and at this port?`,
    ],
    [
      `http://127.0.0.1:${cutting.port}/${TOKEN}`,
      `http://127.0.0.1:${cutting.port} closed the connection before it answered`,
    ],
    [`http://127.0.0.1:${rude.port}/${TOKEN}`, `http://127.0.0.1:${rude.port} answers what is not HTTP`],
    [
      `https://127.0.0.1:${rude.port}/${TOKEN}`,
      `no TLS connection to https://127.0.0.1:${rude.port}: does it speak TLS at this port?`,
    ],
    [`http://nowhere.invalid/${TOKEN}`, "the name of http://nowhere.invalid cannot be resolved: ENOTFOUND"],
  ];
  for (const [url, outcome] of cases) {
    const rig = new Rig();
    const result = await rig.deliver(await rig.receiver({ slack: { url } }), notificationOf());
    expect(result).toEqual({ kind: "failed", attempts: 8, outcome });
  }
});

test("an answer that breaks off, hangs or never ends counts by its status", async () => {
  const head = (length: number) => `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`;
  using breaking = await rawServer((socket) => socket.end(`${head(100)}o`));
  const cut = new Rig();
  const first = await cut.receiver({ webhook: { url: `http://127.0.0.1:${breaking.port}` } });
  expect(await cut.deliver(first, notificationOf())).toMatchObject({ kind: "delivered", attempts: 1 });

  using hanging = await rawServer((socket) => socket.write(`${head(100)}o`));
  const held = new Rig();
  const second = await held.receiver({ webhook: { url: `http://127.0.0.1:${hanging.port}` } });
  const delivered = held.deliver(second, notificationOf());
  await until(() => held.clock.timers === 3);
  held.clock.advance(2_000);
  expect(await delivered).toMatchObject({ kind: "delivered", attempts: 1 });

  let sent = 0;
  using endless = await rawServer((socket) => {
    socket.write("HTTP/1.1 400 Bad Request\r\ncontent-length: 10000000\r\n\r\n");
    const more = () => {
      for (let full = false; sent < 10_000_000 && !full; sent += 10_000) full = !socket.write("x".repeat(10_000));
      socket.once("drain", more);
    };
    more();
  });
  const flooded = new Rig();
  const third = await flooded.receiver({ webhook: { url: `http://127.0.0.1:${endless.port}` } });
  const { kind, outcome } = await flooded.deliver(third, notificationOf());
  expect([kind, outcome.length]).toEqual([
    "failed",
    200 + `http://127.0.0.1:${endless.port} answered 400 Bad Request: `.length,
  ]);
  await until(() => endless.open.size === 0);
  expect(sent).toBeLessThan(10_000_000);
});

test("redirects stay where they are: same place followed, another place not told anything", async () => {
  using other = httpServer(ok);
  using server = httpServer(({ path }) => {
    const to = { "/same": "/taken", "/away": `${other.url}/${TOKEN}`, "/round": "/round", "/get": "/taken" }[path];
    return to === undefined
      ? ok()
      : new Response(null, { status: path === "/get" ? 302 : 307, headers: { location: to } });
  });
  const outcomes = new Map<string, string>();
  for (const path of ["/same", "/away", "/round", "/get"]) {
    const rig = new Rig();
    const receiver = await rig.receiver({ webhook: { url: server.url + path, headers: { authorization: TOKEN } } });
    outcomes.set(path, (await rig.deliver(receiver, notificationOf())).outcome);
    expect(rig.attempts).toHaveLength(1);
  }
  expect([...outcomes.values()]).toEqual([
    "delivered",
    `${server.url} answered 307, which leads to ${other.url}: it is not followed to another place`,
    `${server.url} answered 307, which leads on and on: 3 of these are followed`,
    `${server.url} answered 302, which leads to another path: only 307 and 308 are followed`,
  ]);
  expect(server.received[1]).toMatchObject({ path: "/taken", method: "POST", body: server.received[0].body });
  expect(other.received).toEqual([]);
});

test("certificates are verified unless the receiver says otherwise, and the reason is named", async () => {
  const { key, cert } = selfSigned(directory.path);
  const tls = { key: Bun.file(key), cert: Bun.file(cert) };
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", tls, fetch: ok });
  try {
    const [named, numbered] = ["localhost", "127.0.0.1"].map((host) => `https://${host}:${server.port}`);
    const notAccepted = (url: string, why: string) => `the certificate of ${url} is not accepted: ${why}`;
    const cases = [
      [
        named,
        {},
        notAccepted(named, "it is self-signed, and not among those trusted here (DEPTH_ZERO_SELF_SIGNED_CERT)"),
      ],
      [named, { ca_file: cert }, "delivered"],
      [numbered, { ca_file: cert }, notAccepted(numbered, "it is for other names (ERR_TLS_CERT_ALTNAME_INVALID)")],
      [numbered, { insecure_skip_verify: true }, "delivered"],
    ] as const;
    for (const [url, trust, outcome] of cases) {
      const rig = new Rig();
      const receiver = await rig.receiver({ webhook: { url, tls: trust } });
      expect(await rig.deliver(receiver, notificationOf())).toMatchObject({ attempts: 1, outcome });
    }
  } finally {
    await server.stop(true);
  }
});

test("PagerDuty and Slack are sent what they know; a no with 200 is a no", async () => {
  using server = httpServer(({ path }) => {
    if (path === "/v2/enqueue") return Response.json({ status: "success" }, { status: 202 });
    return path === "/chat" ? ok() : Response.json({ ok: false, error: "channel_not_found" });
  });
  const rig = new Rig();
  const key = "R0123456789abcdefR0123456789abcd";
  const pagerduty = await rig.receiver({ pagerduty: { routing_key: key, url: `${server.url}/v2/enqueue` } });
  const slack = await rig.receiver({ slack: { url: `${server.url}/chat` } });
  expect(await rig.deliver(pagerduty, notificationOf())).toMatchObject({ kind: "delivered" });
  expect(await rig.deliver(slack, notificationOf())).toMatchObject({ kind: "delivered" });
  expect(JSON.parse(server.received[0].body)).toMatchObject({ routing_key: key, event_action: "trigger" });
  expect(JSON.parse(server.received[1].body)).toMatchObject({ attachments: [{ mrkdwn_in: ["text"] }] });

  const lost = await rig.receiver({ slack: { url: `${server.url}/other` } });
  const outcome = `${server.url} answered: channel_not_found`;
  expect(await rig.deliver(lost, notificationOf())).toEqual({ kind: "failed", attempts: 1, outcome });
});

test("servers that say back what they were sent get none of the secrets into a journal", async () => {
  using server = httpServer(({ headers, path, body }, count) => {
    const login = Buffer.from(headers.get("authorization")?.split(" ")[1] ?? "", "base64").toString();
    const said = [[...headers].join(" "), path, decodeURIComponent(path), body, login][count % 5];
    return new Response(said, { status: count % 2 === 0 ? 400 : 500 });
  });
  const [password, bearer, query, key] = [
    "pa ss/wörd",
    "t0ken-t0ken",
    "query secret",
    "R0123456789abcdefR0123456789abcd",
  ];
  const withLogin = server.url.replace("//", `//us3r:${encodeURIComponent(password)}@`);
  const path = `${TOKEN}?key=${encodeURIComponent(query)}`;
  const channels = [
    { webhook: { url: `${withLogin}/${path}`, secret: "hunter2-hmac" } },
    { slack: { url: `${server.url}/${path}`, headers: { "X-Key": bearer } } },
    { pagerduty: { url: `${withLogin}/${path}`, routing_key: key } },
    { alertmanager: { url: `${server.url}/${path}`, headers: { authorization: `Bearer ${bearer}` } } },
  ];
  const plain = [password, bearer, query, key, "hunter2-hmac", "us3r", TOKEN, ...TOKEN.split("/")];
  const login = Buffer.from(`us3r:${password}`).toString("base64");
  const secrets = [
    login,
    ...plain.flatMap((secret) => [secret, encodeURIComponent(secret), secret.replaceAll(" ", "+")]),
  ];
  for (const channel of channels) {
    const rig = new Rig();
    const receiver = await rig.receiver(channel);
    for (let n = 0; n < 5; n++) await rig.deliver(receiver, notificationOf());
    const said = JSON.stringify(rig.attempts);
    expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);
    expect(said).toContain("<secret>");
  }
});

test("whatever a label holds, what is sent is JSON that says so", async () => {
  using server = httpServer(ok);
  const rig = new Rig();
  const webhook = await rig.receiver({ webhook: { url: server.url } });
  for (const text of NASTY) {
    expect(await rig.deliver(webhook, nastyNotification(text))).toMatchObject({ kind: "delivered" });
    const { alerts, groupLabels } = JSON.parse(server.received.at(-1)!.body);
    expect([alerts[0].labels.device, groupLabels.device].map((each) => each.toWellFormed())).toEqual([
      text.toWellFormed(),
      text.toWellFormed(),
    ]);
  }
});
