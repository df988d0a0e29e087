/** Two receivers over HTTP that are told of a storm: one of all alerts in one group, one of those of each site. */
import { say, type Finding } from "./finding.ts";

interface WebhookMessage {
  readonly receiver: string;
  readonly groupKey: string;
  readonly alerts: readonly unknown[];
  readonly truncatedAlerts: number;
}

interface Group {
  readonly receiver: string;
  messages: number;
  /** Told in full, or counted. */
  alerts: number;
}

const RECEIVERS = ["all", "sites"];
/** By default. */
const IN_FULL_MAX = 100;
/** Longer than a group waits for its first alerts: 30 s, from the first of the storm. */
const PATIENCE_MS = 40_000;
/** For messages that there should not be. */
const AFTERMATH_MS = 3_000;

export class StormReceiver implements Disposable {
  readonly #server: ReturnType<typeof Bun.serve>;
  readonly #groups = new Map<string, Group>();
  #alertsMost = 0;

  constructor() {
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        this.#take((await request.json()) as WebhookMessage);
        return new Response("");
      },
    });
  }

  /** Sections of a rules file. Groups wait as long as they do by default. */
  get sections(): string {
    const url = `http://127.0.0.1:${this.#server.port}/`;
    const receivers = RECEIVERS.map((name) => `  - {name: ${name}, webhook: {url: "${url}"}}`);
    return `route:
  receiver: all
  routes:
    - {receiver: all, continue: true}
    - {receiver: sites, group_by: [site]}
receivers:
${receivers.join("\n")}
`;
  }

  /** Resolves once both were told of so many alerts, and of what may come behind that; or after a while. */
  async told(alerts: number): Promise<void> {
    const endMs = performance.now() + PATIENCE_MS;
    while (this.#alertsTold() < alerts) {
      if (performance.now() > endMs) return;
      await Bun.sleep(100);
    }
    await Bun.sleep(AFTERMATH_MS);
  }

  /** `alerts`: of the storm. */
  findings(alerts: number): Finding[] {
    const groups = [...this.#groups.values()];
    const messages = groups.reduce((most, group) => Math.max(most, group.messages), 0);
    say(`${groups.length} groups of ${RECEIVERS.length} receivers were told, of ${this.#alertsTold()} alerts each`);
    return [
      { what: "messages of a storm to a group and receiver", unit: "", runs: [messages], bar: { sign: "≤", value: 1 } },
      { what: "alerts in one of them", unit: "", runs: [this.#alertsMost], bar: { sign: "≤", value: IN_FULL_MAX } },
      {
        what: "alerts told, with truncatedAlerts",
        unit: "",
        runs: [this.#alertsTold()],
        bar: { sign: "≥", value: alerts },
      },
    ];
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }

  #take({ receiver, groupKey, alerts, truncatedAlerts }: WebhookMessage): void {
    const key = `${receiver} ${groupKey}`;
    const group = this.#groups.get(key) ?? { receiver, messages: 0, alerts: 0 };
    group.messages++;
    group.alerts += alerts.length + truncatedAlerts;
    this.#groups.set(key, group);
    this.#alertsMost = Math.max(this.#alertsMost, alerts.length);
  }

  /** To the receiver that was told of fewer. */
  #alertsTold(): number {
    const groups = [...this.#groups.values()];
    const told = RECEIVERS.map((name) =>
      groups.filter(({ receiver }) => receiver === name).reduce((sum, { alerts }) => sum + alerts, 0),
    );
    return Math.min(...told);
  }
}
