/**
 * What health says of the services that one node runs for all: they do not serve here while no such node is known, nor once Redis has
 * been away for so long that it may be another one. The server as a whole serves on: it takes points, and answers what it has.
 */
import { DESK_TTL_MS } from "../cluster/desk-lease.ts";
import type { Redis } from "../cluster/redis/redis.ts";
import type { Clock } from "../model/clock.ts";
import type { HealthState } from "../transport/health.ts";

export interface DeskHealthDeps {
  readonly health: Pick<HealthState, "degrade">;
  readonly redis: Pick<Redis, "isUp" | "follow">;
  readonly clock: Clock;
  /** Names of the desk's services. */
  readonly services: readonly string[];
  isDeskKnown(): boolean;
}

export class DeskHealth {
  readonly #deps: DeskHealthDeps;
  readonly #unfollow: () => void;
  #cancel: () => void = () => {};
  #isAwayForLong = false;

  constructor(deps: DeskHealthDeps) {
    this.#deps = deps;
    this.#unfollow = deps.redis.follow((isUp) => this.#noteRedis(isUp));
    this.#noteRedis(deps.redis.isUp);
  }

  /** Whenever the desk may have moved. */
  look(): void {
    this.#deps.health.degrade(this.#reason(), this.#deps.services);
  }

  /** Idempotent. */
  close(): void {
    this.#unfollow();
    this.#cancel();
  }

  #noteRedis(isUp: boolean): void {
    this.#cancel();
    if (isUp) this.#isAwayForLong = false;
    else {
      this.#cancel = this.#deps.clock.after(DESK_TTL_MS, () => {
        this.#isAwayForLong = true;
        this.look();
      });
    }
    this.look();
  }

  #reason(): string | undefined {
    if (this.#isAwayForLong) return "Redis is away: what operators write has to wait";
    return this.#deps.isDeskKnown() ? undefined : "no node is known to run alerts, devices and sessions";
  }
}
