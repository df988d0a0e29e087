/** What is set of an upstream. */
import type { BackoffOptions } from "../../model/backoff.ts";
import type { SeriesMatcher } from "../../model/matcher.ts";
import type { DownSampling } from "./down-sampler.ts";
import type { QueueLimits } from "./queue-limits.ts";

export interface UpstreamOptions extends QueueLimits {
  readonly address: string;
  /** What the upstream calls this node. */
  readonly name: string;
  /** Infinity: no bound. */
  readonly bytesPerS: number;
  /** Which series go upstream; undefined: all. */
  readonly matcher: SeriesMatcher | undefined;
  /** Undefined: points go as they are. */
  readonly downSampling: DownSampling | undefined;
  /** Between attempts to connect. */
  readonly backoff: BackoffOptions;
}
