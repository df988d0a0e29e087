/** What operators and admins have changed, in the journal: who, from where, and what was asked. */
import type { Clock } from "../model/clock.ts";
import { invalidField, WatchpostError } from "../model/errors.ts";
import { compileGlob } from "../model/glob.ts";
import type { JournalEntry, JournalEvent, JournalQuery } from "../model/journal.ts";
import type { ListDeedsRequest } from "../wire/gen/access_pb.ts";
import { requestText, type TextBounds } from "../wire/request-text.ts";
import type { CallContext, MethodImpl } from "../wire/service.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import { needFor } from "./table.ts";

export const DEED_EVENT = "deed";

export interface DeedJournal {
  append(events: readonly JournalEvent[]): Promise<readonly JournalEntry[]>;
  read(query: JournalQuery): Promise<readonly JournalEntry[]>;
  cursorOf(position: number): string;
  positionOf(cursor: string, field?: string): number;
  readonly lastPosition: number;
}

export interface DeedsDeps {
  readonly journal: DeedJournal;
  readonly clock: Pick<Clock, "nowMs" | "after">;
  /** A deed is done and could not be written. */
  onTrouble(error: unknown): void;
}

interface Payload {
  readonly via: string;
  readonly address: string;
  readonly request: string;
}

/** Of what was asked. */
const TOLD: TextBounds = { text: 2_000, string: 500, items: 100, depth: 6 };
const [LIMIT_DEFAULT, LIMIT_MAX] = [50, 500];
const ENTRIES_AT_ONCE = 200;
const LOOKED_MAX = 5_000;
/** While the journal has no room: of what is done already the entry waits, and whoever did it with it. */
const [TRIES_MAX, RETRY_MS] = [30, 1_000];

export class Deeds {
  readonly #deps: DeedsDeps;

  constructor(deps: DeedsDeps) {
    this.#deps = deps;
  }

  /** The methods, of which those that change something write down who did it before they answer. */
  written(methods: readonly MethodImpl[]): MethodImpl[] {
    return methods.map((impl) => {
      const { kind, method } = impl;
      const action = `${method.parent.typeName}/${method.name}`;
      if (needFor(action)?.isDeed !== true) return impl;
      if (kind !== "unary") return this.#writtenStream(impl, action);
      const run = impl.run as (request: unknown, context: CallContext) => Promise<unknown>;
      const written = async (request: unknown, context: CallContext) => {
        const answer = await run(request, context);
        await this.write(action, requestText(method.input, request, TOLD), context, nameIn(request));
        return answer;
      };
      return { ...impl, run: written as never };
    });
  }

  /** It is a deed once it begins. */
  #writtenStream(impl: MethodImpl, action: string): MethodImpl {
    if (impl.kind !== "server_streaming")
      throw new Error(`${action} streams to the server: how that is written down is not said`);
    const run = impl.run as (request: unknown, context: CallContext) => AsyncIterable<unknown>;
    const write = (request: unknown, context: CallContext) =>
      this.write(action, requestText(impl.method.input, request, TOLD), context, nameIn(request));
    async function* written(request: unknown, context: CallContext) {
      await write(request, context);
      yield* run(request, context);
    }
    return { ...impl, run: written as never };
  }

  /** `named`: whoever is said to do it, which counts where nobody proves who they are. */
  async write(
    action: string,
    request: string,
    { principal, peer }: Pick<CallContext, "principal" | "peer">,
    named = "",
  ): Promise<void> {
    const { clock, onTrouble } = this.#deps;
    const actor = principal.isAuthenticated ? principal.name : named || principal.name;
    const payload: Payload = { via: principal.via, address: peer, request };
    try {
      await this.#append({
        ...{ atMs: Math.floor(clock.nowMs()), kind: DEED_EVENT, subject: action, actor },
        payload: JSON.stringify(payload),
      });
    } catch (error) {
      onTrouble(error);
    }
  }

  async #append(event: JournalEvent): Promise<void> {
    const { journal, clock } = this.#deps;
    for (let tries = 1; ; tries++) {
      try {
        await journal.append([event]);
        return;
      } catch (error) {
        const isFull = error instanceof WatchpostError && error.status === "RESOURCE_EXHAUSTED";
        if (!isFull || tries === TRIES_MAX) throw error;
        const waitMs = error.retryAfterMs ?? RETRY_MS;
        await new Promise<void>((resolve) => void clock.after(waitMs, resolve));
      }
    }
  }

  async list({ name, action, limit, page }: ListDeedsRequest) {
    const { journal } = this.#deps;
    if (limit < 0 || limit > LIMIT_MAX) throw invalidField("limit", limit, `0 to ${LIMIT_MAX}`);
    const isWanted = compileGlob(action === "" ? "*" : action);
    const deeds = [];
    let before = page === "" ? journal.lastPosition + 1 : journal.positionOf(page, "page");
    for (let looked = 0; looked < LOOKED_MAX;) {
      const query = { after: 0, before, kind: DEED_EVENT, descending: true, limit: ENTRIES_AT_ONCE };
      const entries = await journal.read(query);
      for (const entry of entries) {
        if (deeds.length === (limit || LIMIT_DEFAULT)) return { deeds, nextPage: journal.cursorOf(before) };
        before = entry.position;
        if ((name === "" || entry.actor === name) && isWanted(entry.subject)) deeds.push(deedOf(entry));
      }
      if (entries.length < ENTRIES_AT_ONCE) return { deeds, nextPage: "" };
      looked += entries.length;
    }
    return { deeds, nextPage: journal.cursorOf(before) };
  }
}

function deedOf({ atMs, actor: name, subject: action, payload }: JournalEntry) {
  const { via, address, request } = JSON.parse(payload) as Payload;
  return { time: timestampOfMs(atMs), name, via, address, action, request };
}

function nameIn(request: unknown): string {
  const { userId } = request as { readonly userId?: unknown };
  return typeof userId === "string" ? userId : "";
}
