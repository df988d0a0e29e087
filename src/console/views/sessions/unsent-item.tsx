import type { Outbox, Unsent } from "../../data/outbox.ts";

const WORDS: Readonly<Record<Unsent["state"], string>> = {
  waits: "waits",
  sending: "sending…",
  again: "not sent yet, is tried again",
  refused: "not sent",
  sent: "sent",
};

export function UnsentItems({ outbox }: { outbox: Outbox }) {
  return (
    <>
      {outbox.unsent.value.map((each) => (
        <UnsentItem key={each.id} unsent={each} outbox={outbox} />
      ))}
    </>
  );
}

/** What was written and has not come back yet. */
function UnsentItem({ unsent, outbox }: { unsent: Unsent; outbox: Outbox }) {
  const { id, draft, state, reason } = unsent;
  return (
    <li class="sessions-unsent" data-state={state}>
      {draft.message || (draft.metadata["action"] ?? draft.messageType)}{" "}
      <span role={state === "refused" ? "alert" : undefined}>
        <em>{WORDS[state]}</em>
        {reason !== "" && <>: {reason}</>}
      </span>{" "}
      {(state === "refused" || state === "again") && (
        <>
          <button onClick={() => outbox.retry(id)}>Send again</button>{" "}
          <button onClick={() => outbox.discard(id)}>Discard</button>
        </>
      )}
    </li>
  );
}
