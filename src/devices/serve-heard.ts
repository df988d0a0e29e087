/** The stream of a node that hears devices, as the desk takes it. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import { Outgoing } from "../model/outgoing.ts";
import type { HeardDevices, HeardTakenSchema } from "../wire/gen/heard_pb.ts";
import type { HeardDevice } from "./device-hearing.ts";

/** Who tells of devices, as the desk has it. */
export interface HeardNodes {
  /** `end` ends the stream: another one of that node has come. Returns what is called with each message, and at the end. */
  join(nodeId: string, end: () => void): { heard(): void; leave(): void };
  /** Resolves when it is this stream's turn to be heard: others wait meanwhile, and the event loop goes on between two turns. */
  turn(): Promise<void>;
}

interface Hearing {
  heard(device: HeardDevice): void;
}

const [NUMBER_BYTES, TIME_BYTES] = [4, 8];
/** Devices in one turn: a few milliseconds where all are new. */
const HEARD_AT_ONCE = 1_000;

/** Nothing is answered. Ends with the messages, or when another stream of the node comes. Throws INVALID_ARGUMENT where they are not what they should be. */
export async function* serveHeard(
  messages: AsyncIterable<HeardDevices>,
  devices: Hearing,
  nodes: HeardNodes,
): AsyncGenerator<MessageInitShape<typeof HeardTakenSchema>, void> {
  const answers = new Outgoing<MessageInitShape<typeof HeardTakenSchema>>(1);
  const source = messages[Symbol.asyncIterator]();
  let joined: ReturnType<HeardNodes["join"]> | undefined;
  const hear = async () => {
    const names: [id: string, site: string][] = [];
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      if (joined === undefined) {
        const { nodeId } = next.value;
        if (nodeId === "") throw wrong("the first message says which node it is: node_id");
        joined = nodes.join(nodeId, () => answers.end());
      }
      await takeOne(next.value, names, devices, nodes);
      joined.heard();
    }
  };
  let failure: unknown;
  void hear()
    .catch((error: unknown) => (failure = error))
    .finally(() => answers.end());
  try {
    yield* answers;
  } finally {
    joined?.leave();
    void source.return?.();
  }
  if (failure !== undefined) throw failure;
}

/** `names`: by the numbers of the stream. */
async function takeOne(
  { ids, sites, devices: numbers, newestUs, arrivalsMs, isPast }: HeardDevices,
  names: [id: string, site: string][],
  devices: Hearing,
  nodes: Pick<HeardNodes, "turn">,
): Promise<void> {
  if (sites.length !== ids.length) throw wrong(`${ids.length} ids have ${sites.length} sites; wanted as many`);
  for (const [i, id] of ids.entries()) names.push([id, sites[i]]);
  const count = numbers.length / NUMBER_BYTES;
  if (newestUs.length !== count * TIME_BYTES || arrivalsMs.length !== newestUs.length) {
    throw wrong(
      `columns of ${numbers.length}, ${newestUs.length} and ${arrivalsMs.length} bytes are not of equal length`,
    );
  }
  const [number, newest, arrival] = [numbers, newestUs, arrivalsMs].map(
    ({ buffer, byteOffset, byteLength }) => new DataView(buffer, byteOffset, byteLength),
  );
  for (let i = 0; i < count; i++) {
    if (i % HEARD_AT_ONCE === 0) await nodes.turn();
    const named = names[number.getUint32(i * NUMBER_BYTES, true)];
    if (named === undefined) throw wrong(`device ${number.getUint32(i * NUMBER_BYTES, true)} of ${names.length}`);
    const [id, site] = named;
    const at = i * TIME_BYTES;
    devices.heard({ id, site, newestUs: newest.getFloat64(at, true), arrivalMs: arrival.getFloat64(at, true), isPast });
  }
}

function wrong(message: string): WatchpostError {
  return new WatchpostError("INVALID_ARGUMENT", message);
}
