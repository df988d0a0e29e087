/** Whether the server serves: one state behind grpc.health.v1, /healthz and /readyz. */
import { WatchpostError } from "../model/errors.ts";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "../wire/gen/grpc/health/v1/health_pb.ts";
import { serverStreaming, unary, type MethodImpl } from "../wire/service.ts";

export class HealthState {
  #reason: string | undefined = "it is starting";
  /** Why single services do not serve, while the others do. */
  readonly #ofService = new Map<string, string>();
  /** Why services do not without which the whole is of use. */
  readonly #degraded = new Map<string, string>();
  readonly #watchers = new Set<() => void>();

  /** Why it does not serve, or not all of it; undefined when it does. */
  get reason(): string | undefined {
    const [first] = this.#ofService.values();
    return this.#reason ?? first;
  }

  /** "" is the whole server. */
  serves(service: string): boolean {
    if (service === "") return this.reason === undefined;
    return this.#reason === undefined && !this.#ofService.has(service) && !this.#degraded.has(service);
  }

  serve(): void {
    this.#set(undefined);
  }

  drain(): void {
    this.#set("it is shutting down");
  }

  /** Of one service, or for good of all of them. Undefined: the service serves again. */
  fail(reason: string | undefined, service?: string): void {
    if (service === undefined) return this.#set(reason);
    if (reason === undefined) this.#ofService.delete(service);
    else this.#ofService.set(service, reason);
    this.#tell();
  }

  /** Of services without which the server is of use all the same: as a whole it serves on. Undefined: they serve again. */
  degrade(reason: string | undefined, services: readonly string[]): void {
    if (services.every((service) => this.#degraded.get(service) === reason)) return;
    for (const service of services) {
      if (reason === undefined) this.#degraded.delete(service);
      else this.#degraded.set(service, reason);
    }
    this.#tell();
  }

  /** Runs on every change; returns what ends that. */
  watch(onChange: () => void): () => void {
    this.#watchers.add(onChange);
    return () => void this.#watchers.delete(onChange);
  }

  #set(reason: string | undefined): void {
    if (this.#reason === reason) return;
    this.#reason = reason;
    this.#tell();
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

/** grpc.health.v1 for the whole server ("") and each of `services`. */
export function healthMethods(health: HealthState, services: readonly string[]): MethodImpl[] {
  const known = new Set(["", ...services]);
  const status = (service: string) => (health.serves(service) ? Serving.SERVING : Serving.NOT_SERVING);
  return [
    unary(Health.method.check, async ({ service }) => {
      if (known.has(service)) return { status: status(service) };
      throw new WatchpostError("NOT_FOUND", `there is no service ${JSON.stringify(service)} here`);
    }),
    serverStreaming(Health.method.watch, async function* ({ service }, { signal }) {
      if (!known.has(service)) yield { status: Serving.SERVICE_UNKNOWN };
      let changed = Promise.withResolvers<void>();
      const wake = () => changed.resolve();
      const unwatch = health.watch(wake);
      signal.addEventListener("abort", wake);
      try {
        while (!signal.aborted) {
          changed = Promise.withResolvers<void>();
          if (known.has(service)) yield { status: status(service) };
          if (!signal.aborted) await changed.promise;
        }
      } finally {
        unwatch();
        signal.removeEventListener("abort", wake);
      }
    }),
  ];
}
