/** What one node has of the shared journal, page by page, for another one. */
import { create } from "@bufbuild/protobuf";
import type { LogClient } from "../../log/log-client.ts";
import type { JournalHead } from "../../log/protocol.ts";
import { WatchpostError } from "../../model/errors.ts";
import type { JournalEntry, StoredDocument } from "../../model/journal.ts";
import { type SharedStatePage, SharedStatePageSchema } from "../../wire/gen/nodes_pb.ts";
import { changeMessage, changeOf, eventMessage, eventOf } from "./shared-transaction.ts";

export interface StatePage {
  /** Of all pages together. All entries from `firstPosition` on are kept. */
  readonly state: JournalHead & { readonly firstPosition: number };
  readonly entries: readonly JournalEntry[];
  readonly documents: readonly StoredDocument[];
}

/** All documents, then the entries behind a position, as they are now. One at a time. Rejects as the log does. */
export async function* ownStatePages(log: LogClient, afterPosition: number): AsyncGenerator<StatePage> {
  const { epoch, firstPosition, nextPosition, link = 0 } = await log.beginSnapshot(afterPosition);
  const state = { epoch, position: nextPosition - 1, link, firstPosition };
  try {
    for (let isLast = false; !isLast;) {
      const page = await log.readSnapshot();
      isLast = page.isLast;
      yield { state, entries: page.entries, documents: page.documents };
    }
  } finally {
    log.endSnapshot();
  }
}

export function statePageMessage({ state, entries, documents }: StatePage): SharedStatePage {
  return create(SharedStatePageSchema, {
    journalEpoch: BigInt(state.epoch),
    throughPosition: BigInt(state.position),
    firstPosition: BigInt(state.firstPosition),
    link: BigInt(state.link),
    documents: documents.map(changeMessage),
    entries: entries.map(({ position, ...event }) => ({ position: BigInt(position), event: eventMessage(event) })),
  });
}

/** Inverse of {@link statePageMessage}. Throws DATA_LOSS for what is no page. */
export function statePageOf(message: SharedStatePage): StatePage {
  const { journalEpoch, throughPosition, firstPosition, link } = message;
  const [epoch, position] = [Number(journalEpoch), Number(throughPosition)];
  const state = { epoch, position, firstPosition: Number(firstPosition), link: Number(link) };
  const documents = message.documents.map((document) => {
    const { value, ...rest } = changeOf(document);
    if (value === null)
      throw new WatchpostError("DATA_LOSS", `document ${rest.key} of ${rest.collection} has no value`);
    return { ...rest, value };
  });
  const entries = message.entries.map(({ position: at, event }) => {
    if (event === undefined) throw new WatchpostError("DATA_LOSS", `journal entry ${at} has no event`);
    return { position: Number(at), ...eventOf(event) };
  });
  return { state, entries, documents };
}
