/** The alert that points are lost for the upstream: it says how many since it fired. */
import { Alerts, AlertState } from "../wire/gen/alerts_pb.ts";
import type { Commands } from "../wire/call-method.ts";
import type { CallContext } from "../wire/service.ts";

export interface DropAlarmDeps {
  /** Address of the upstream. */
  readonly upstream: string;
  readonly commands: Commands;
  readonly context: CallContext;
  /** The alert cannot be raised; it is tried again with the next drop. */
  onFailure(error: unknown): void;
}

const RULE = "upstream_dropped";
/** After the last drop, so that it is seen in the morning. */
const STANDS_FOR = "1d";

export class DropAlarm {
  readonly #deps: DropAlarmDeps;
  /** Dropped and not in the alert yet. */
  #points = 0;
  #last = "";
  #isRaising = false;

  constructor(deps: DropAlarmDeps) {
    this.#deps = deps;
  }

  /** `sentence`: what became of these points. */
  add(points: number, sentence: string): void {
    this.#points += points;
    this.#last = sentence;
    if (this.#isRaising) return;
    this.#isRaising = true;
    this.#raise()
      .catch((error: unknown) => this.#deps.onFailure(error))
      .finally(() => (this.#isRaising = false));
  }

  /** The sum is read from the alert that stands: it goes on after a restart, and ends with the alert. */
  async #raise(): Promise<void> {
    const { upstream, commands, context } = this.#deps;
    while (this.#points > 0) {
      const points = this.#points;
      const request = { rules: [RULE], state: AlertState.ACTIVE };
      const { alerts } = await commands(Alerts.method.listAlerts, request, context);
      const standing = alerts.find(({ published, labels }) => published && labels["upstream"] === upstream);
      const sum = (standing?.value ?? 0) + points;
      const alert = {
        ...{ rule: RULE, labels: { upstream }, severity: "high", value: sum, expiresAfter: STANDS_FOR },
        title: `${sum.toLocaleString("en-US")} points are lost for the upstream`,
        description: `The last of them: ${this.#last}.`,
      };
      await commands(Alerts.method.publishAlert, alert, context);
      this.#points -= points;
    }
  }
}
