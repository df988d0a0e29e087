/** Points on their way in that are no BatchData message: of MQTT topics, of other protocols. */

export interface IncomingPoint {
  readonly metric: string;
  readonly source: string;
  readonly tags: readonly (readonly [key: string, value: string])[];
  /** Unix microseconds; NaN: the time of arrival. */
  readonly timeUs: number;
  readonly value: number;
}

export interface RefusedPoint {
  /** Position among the points given. */
  readonly index: number;
  readonly reason: string;
}

export interface PointsTaken {
  readonly kept: number;
  readonly refusedTotal: number;
  /** The first of them. */
  readonly refused: readonly RefusedPoint[];
}

/**
 * Resolves once those that were kept are durable. A point that may not be stored costs only itself. Rejects with UNAVAILABLE
 * or RESOURCE_EXHAUSTED (with the time after which to try again) where nothing of them may have been kept: give all of them again.
 */
export type TakePoints = (
  points: readonly IncomingPoint[],
  options: { readonly signal: AbortSignal },
) => Promise<PointsTaken>;
