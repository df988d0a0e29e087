/** What a primary host application says of itself: STATE of the Sparkplug 3.0 specification, which edge nodes may wait for. */
import type { Publication } from "../mqtt/topic-handler.ts";
import { stateTopic } from "./topic.ts";

/**
 * The death of a session is its will and the birth follows its subscriptions; both have the time of the CONNECT, so that edge nodes
 * can tell a late death of an earlier session from one of this.
 */
export function hostBirth(hostId: string, connectMs: number): Publication {
  return statePublication(hostId, true, connectMs);
}

/** `timeMs`: of the CONNECT for a will, of now where the connection is closed in order: it is published before that. */
export function hostDeath(hostId: string, timeMs: number): Publication {
  return statePublication(hostId, false, timeMs);
}

/** Whether a message says that this host is offline while it is not: its birth has to be published again. */
export function deniesHost(hostId: string, { topic, payload }: { topic: string; payload: Uint8Array }): boolean {
  if (topic !== stateTopic(hostId) || payload.length > STATE_BYTES_MAX) return false;
  try {
    return (JSON.parse(new TextDecoder().decode(payload)) as { online?: unknown } | null)?.online === false;
  } catch {
    return false;
  }
}

const STATE_BYTES_MAX = 1024;

function statePublication(hostId: string, online: boolean, timeMs: number): Publication {
  const payload = new TextEncoder().encode(JSON.stringify({ online, timestamp: Math.trunc(timeMs) }));
  return { topic: stateTopic(hostId), payload, qos: 1, retain: true };
}
