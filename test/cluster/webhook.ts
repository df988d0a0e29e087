/** A webhook that nodes in other processes call, told to them by a rules file; and what it was told, in order. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Call {
  readonly status: "firing" | "resolved";
  /** Of its alerts; one group each. */
  readonly source: string;
  /** That it may be there already. */
  readonly isMarked: boolean;
}

export interface Webhook extends Disposable {
  readonly calls: Call[];
  /** Settings of a node that has it for its receiver. */
  readonly env: Readonly<Record<string, string>>;
  /** While it is set nobody is answered. */
  isSlow: boolean;
  /** That a source fires, or is over, behind the first `after` calls. */
  of(source: string, status: Call["status"], after?: number): Call[];
}

/** `dir`: for the rules file. */
export function startWebhook(dir: string): Webhook {
  const calls: Call[] = [];
  const server = Bun.serve({
    ...{ port: 0, hostname: "127.0.0.1", idleTimeout: 0 },
    async fetch(request) {
      const { status, alerts } = (await request.json()) as {
        status: Call["status"];
        alerts: { labels: { source: string } }[];
      };
      const isMarked = request.headers.has("x-watchpost-repeated");
      calls.push({ status, source: alerts[0].labels.source, isMarked });
      return webhook.isSlow ? new Promise<Response>(() => {}) : new Response("");
    },
  });
  const file = join(dir, "rules.json");
  const sections = {
    rules: [],
    receivers: [{ name: "ops", webhook: { url: `http://127.0.0.1:${server.port}/` } }],
    route: { receiver: "ops", group_by: ["source"], group_wait: "0s", group_interval: "1s" },
  };
  writeFileSync(file, JSON.stringify(sections));
  const webhook: Webhook = {
    ...{ calls, env: { WATCHPOST_ALERTS_RULES_FILE: file }, isSlow: false },
    of: (source, status, after = 0) =>
      calls.slice(after).filter((call) => call.source === source && call.status === status),
    [Symbol.dispose]: () => void server.stop(true),
  };
  return webhook;
}
