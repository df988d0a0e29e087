/** Silences by their ids, of which the first letters are enough. */
import { listSilences } from "../client/silences.ts";
import type { Connection } from "../client/connection.ts";
import { WatchpostError } from "../model/errors.ts";
import { SilenceState, type Silence } from "../wire/gen/alerts_pb.ts";
import { shortIds } from "./alert-text.ts";
import { matchersOf } from "./silence-text.ts";
import { printable } from "./watch-table.ts";

const SHOWN_MAX = 10;

/**
 * The silences that are named, each once, in their order: among those that are not over, and where none of those is meant
 * among the others. Throws INVALID_ARGUMENT where a name stands for several, with what they are, NOT_FOUND where it stands
 * for none; a line for each.
 */
export async function findSilences(
  connection: Connection,
  names: readonly string[],
  { signal }: { readonly signal: AbortSignal },
): Promise<Silence[]> {
  const all = await listSilences(connection, true, { signal });
  const standing = all.filter(({ state }) => state !== SilenceState.EXPIRED);
  const found = names.map((name) => {
    const meant = matching(name, standing);
    return { name, silences: meant.length > 0 ? meant : matching(name, all) };
  });
  const sentences = found.flatMap(({ name, silences }) => {
    if (silences.length === 0) return [`no silence has an id that begins with ${JSON.stringify(printable(name))}`];
    if (silences.length === 1) return [];
    return [`${JSON.stringify(printable(name))} stands for ${silences.length} silences; ${choices(silences)}`];
  });
  if (found.some(({ silences }) => silences.length > 1)) {
    throw new WatchpostError("INVALID_ARGUMENT", sentences.join("\n"));
  }
  if (sentences.length > 0) {
    throw new WatchpostError("NOT_FOUND", `${sentences.join("\n")}; watchpost silence list tells which there are`);
  }
  return [...new Map(found.map(({ silences: [silence] }) => [silence.id, silence])).values()];
}

/** An id that is given whole means itself, also where others begin with it. */
function matching(name: string, silences: readonly Silence[]): readonly Silence[] {
  const exact = silences.find(({ id }) => id === name);
  if (exact !== undefined) return [exact];
  return name === "" ? [] : silences.filter(({ id }) => id.startsWith(name));
}

function choices(silences: readonly Silence[]): string {
  const ids = shortIds(silences.map(({ id }) => id));
  const lines = silences
    .slice(0, SHOWN_MAX)
    .map((silence) => `  ${printable(ids.get(silence.id)!)}  ${matchersOf(silence)}`);
  const more = silences.length > SHOWN_MAX ? [`  and ${silences.length - SHOWN_MAX} more`] : [];
  return ["wanted more letters of one of them:", ...lines, ...more].join("\n");
}
