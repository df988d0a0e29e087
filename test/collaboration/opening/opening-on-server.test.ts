/** Sessions and issues that rules have opened, of a whole server, over its end and another start. */
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { afterAll, expect, test } from "bun:test";
import { startServer, type RunningServer } from "../../../src/app.ts";
import { ask } from "../../../src/client/ask.ts";
import { Connection } from "../../../src/client/connection.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { AlertState, Alerts } from "../../../src/wire/gen/alerts_pb.ts";
import { Collaboration } from "../../../src/wire/gen/collaboration_pb.ts";
import { IssueStatus } from "../../../src/wire/gen/issues_pb.ts";
import { spawn } from "../../log/harness.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { tempDir } from "../../support/server-process.ts";

const PATIENCE_MS = 60_000;
const C = Collaboration.method;

const dir = tempDir("alert-opening");
afterAll(() => dir[Symbol.dispose]());

/** One run of the server. */
class Run implements AsyncDisposable {
  readonly told: string[] = [];
  readonly #clock: ManualClock;
  readonly #server: RunningServer;
  readonly #connection: Connection;

  private constructor(clock: ManualClock, server: RunningServer, told: string[]) {
    this.#clock = clock;
    this.#server = server;
    this.told = told;
    this.#connection = new Connection(server.grpcAddress);
  }

  static async start(clock: ManualClock): Promise<Run> {
    const flags = { data: dir.path, grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
    const { config } = loadConfig({ env: {}, flags, machineMemoryBytes: 2 ** 31 });
    const told: string[] = [];
    const quiet = () => {};
    const tell = (said: object, sentence: string) => void told.push(`${sentence}: ${JSON.stringify(said)}`);
    const logger = { info: quiet, warn: tell, error: tell, debug: quiet };
    const onFatal = (error: Error) => {
      throw error;
    };
    return new Run(clock, await startServer(config, { spawn, logger, clock, onFatal }), told);
  }

  ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    return ask(this.#connection, method, request, {});
  }

  async upload(source: string, value: number): Promise<void> {
    const response = await fetch(`http://${this.#server.httpAddress}/analytics.DataIngestion/UploadBatch`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ source, points: [{ metricName: "temp", value, tags: { device: `${source}-1` } }] }),
    });
    expect(await response.json()).not.toHaveProperty("pointsFailed");
  }

  /** Lets time pass meanwhile. */
  async until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${what}; ${this.told.join("; ")}`);
      this.#clock.advance(200);
      await Bun.sleep(5);
    }
  }

  /** What the one session was told of alerts, once it is so many messages. */
  async saidOfAlerts(sessionId: string, count: number): Promise<string[]> {
    return this.until(`${count} messages`, async () => {
      const { messages } = await this.ask(C.listMessages, { sessionId });
      const said = messages.filter(({ metadata }) => metadata["event"] === "alerts");
      return said.length >= count ? said.map(({ message }) => message) : undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
    await this.#server.close();
  }
}

test("a rule opens a session and an issue for an incident, which go on over a restart", async () => {
  const clock = new ManualClock();
  let sessionId: string;
  {
    await using run = await Run.start(clock);
    const condition = { threshold: { above: 80 } };
    await run.ask(Alerts.method.putRule, {
      rule: { name: "hot", metric: "temp", severity: "high", opens: ["issue", "session"], condition },
    });
    const { info } = await run.ask(Alerts.method.getRule, { name: "hot" });
    expect(info!.rule!.opens).toEqual(["session", "issue"]);
    await run.upload("press", 90);
    const session = await run.until("a session", async () => (await run.ask(C.listSessions, {})).sessions[0]);
    const { alerts } = await run.ask(Alerts.method.listAlerts, { state: AlertState.ACTIVE });
    const [{ id, incidentId }] = alerts;
    sessionId = session.id;
    expect(session).toMatchObject({ id: `incident-${incidentId.slice(0, 8)}`, title: "temp of press-1 is 90" });
    expect(session.topic).toMatchObject({ alertIds: [id], incidentIds: [incidentId], devices: ["press-1"] });
    expect(await run.saidOfAlerts(sessionId, 1)).toEqual(["high alert ‘temp of press-1 is 90’ fired"]);
    const { issues } = await run.ask(C.listIssues, {});
    expect(issues).toMatchObject([
      { title: "temp of press-1 is 90", priority: "high", status: IssueStatus.OPEN, createdBy: "watchpost" },
    ]);
    expect(issues[0].links).toMatchObject({ alertIds: [id], devices: ["press-1"], sessionIds: [sessionId] });
    expect(run.told).toEqual([]);
  }
  await using run = await Run.start(clock);
  await run.upload("press", 20);
  expect(await run.saidOfAlerts(sessionId, 2)).toEqual([
    "high alert ‘temp of press-1 is 90’ fired",
    expect.stringMatching(/^alert ‘temp of press-1 is \d+’ is over \(resolved\); none is active any more$/),
  ]);
  expect((await run.ask(C.listSessions, {})).sessions).toHaveLength(1);
  const { issue } = await run.ask(C.getIssue, { number: 1n });
  expect(issue!.comments.map(({ text }) => text)).toEqual([expect.stringContaining("none is active any more")]);
  expect(run.told).toEqual([]);
}, 120_000);
