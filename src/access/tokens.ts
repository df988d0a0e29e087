/**
 * Tokens, which are kept in the journal as hashes, and the sessions of browsers that have shown one. Changes come one after the
 * other; they hold once they are durable, and before whoever asked hears of it.
 */
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";
import {
  DAMAGED,
  type DocumentChange,
  type DocumentQuery,
  type JournalEntry,
  type JournalEvent,
  type StoredDocument,
} from "../model/journal.ts";
import { Serial } from "../model/serial.ts";
import { documentName, SetAside } from "../model/set-aside.ts";
import { EndedSessions, overText, revokedText, UNKNOWN } from "./ended-sessions.ts";
import { adminOf, givenIn, isLastingAdmin, type ConfiguredToken, type NewToken } from "./new-token.ts";
import { hasHash, idOfSecret, newSecret } from "./secret.ts";
import {
  noToken,
  noUse,
  noWebSession,
  tokenChange,
  tokenEvent,
  tokenOf,
  TOKEN_USES,
  TOKENS,
  useChange,
  useOf,
  WEB_SESSIONS,
  webSessionChange,
  webSessionOf,
  type KeptToken,
  type WebSession,
} from "./token-documents.ts";

export interface TokenJournal {
  append(events: readonly JournalEvent[], changes: readonly DocumentChange[]): Promise<readonly JournalEntry[]>;
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
}

export interface TokensDeps {
  readonly journal: TokenJournal;
  readonly clock: Pick<Clock, "nowMs">;
  /** An admin's token that the configuration names, whatever becomes of the others; undefined: none. */
  readonly configured: ConfiguredToken | undefined;
  /** Whether somebody can give access without any of these tokens. */
  readonly hasOtherAdmins?: boolean;
  onTrouble(sentence: string): void;
}

const [TOKENS_MAX, WEB_SESSIONS_MAX] = [10_000, 10_000];
/** So that no token ends the sessions of all others, and what goes with one fits into one entry of the journal. */
const SESSIONS_PER_TOKEN_MAX = 100;
const WEB_SESSION_MS = 30 * 24 * 3_600_000;
const DOCUMENTS_AT_ONCE = 500;
const ALL = "";

export class Tokens {
  readonly #deps: TokensDeps;
  readonly #byId = new Map<string, KeptToken>();
  readonly #sessions = new Map<string, WebSession>();
  /** Ids of those that cannot be read: somebody had them. */
  readonly #unreadable = new Set<string>();
  readonly #ended = new EndedSessions();
  readonly #usedAtMs = new Map<string, number>();
  readonly #serial = new Serial();
  readonly #listeners = new Set<(tokenId: string, revokedBy: string) => void>();
  #hasAny = false;

  private constructor(deps: TokensDeps) {
    this.#deps = deps;
    const { configured } = deps;
    if (configured === undefined) return;
    this.#hasAny = true;
    this.#byId.set(configured.id, adminOf(configured));
  }

  static async open(deps: TokensDeps): Promise<Tokens> {
    const tokens = new Tokens(deps);
    await tokens.#restore();
    return tokens;
  }

  /** Also where some cannot be read: a server that asked for tokens goes on asking. */
  get isAny(): boolean {
    return this.#hasAny;
  }

  get #hasOtherAdmins(): boolean {
    return this.#deps.hasOtherAdmins === true;
  }

  /** Whether somebody can give access, now and later. */
  get hasLastingAdmin(): boolean {
    return [...this.#byId.values()].some(isLastingAdmin);
  }

  /** In order of names. */
  list(): KeptToken[] {
    const used = [...this.#byId.values()].map((token) => this.#withUse(token));
    return used.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /** Whose secret it is, though it may have run out; undefined: nobody's. */
  ofSecret(secret: string): KeptToken | undefined {
    const token = this.#byId.get(idOfSecret(secret) ?? "");
    return token !== undefined && hasHash(secret, token.hash) ? token : undefined;
  }

  /** The same of a browser's session; undefined also where it has run out. */
  ofWebSession(secret: string): { readonly token: KeptToken; readonly session: WebSession } | undefined {
    const session = this.#sessions.get(idOfSecret(secret) ?? "");
    if (session === undefined || !hasHash(secret, session.hash)) return undefined;
    if (session.expiresAtMs <= this.#deps.clock.nowMs()) return undefined;
    const token = this.#byId.get(session.tokenId);
    return token?.hash === session.tokenHash ? { token, session } : undefined;
  }

  /** Of a session that is none any more: a clause, such as "it was logged out". */
  whyNoWebSession(secret: string): string {
    const session = this.#sessions.get(idOfSecret(secret) ?? "");
    if (session !== undefined && hasHash(secret, session.hash)) return this.#whyOver(session);
    return this.#ended.whyOf(secret) ?? UNKNOWN;
  }

  /** It was shown now. */
  used({ id }: KeptToken): void {
    this.#usedAtMs.set(id, Math.floor(this.#deps.clock.nowMs()));
  }

  /**
   * Resolves with the secret, which nobody can read again, once the token is durable. Throws INVALID_ARGUMENT, ALREADY_EXISTS for a
   * name that is taken, RESOURCE_EXHAUSTED where there are too many, FAILED_PRECONDITION where nobody could give access from then on,
   * UNAUTHENTICATED where it is not known who asks (`isProven`) and another one was made meanwhile.
   */
  create(
    wanted: NewToken,
    by: string,
    isProven: boolean,
  ): Promise<{ readonly token: KeptToken; readonly secret: string }> {
    return this.#serial.run(ALL, async () => {
      const nowMs = Math.floor(this.#deps.clock.nowMs());
      if (this.#hasAny && !isProven) {
        throw new WatchpostError(
          "UNAUTHENTICATED",
          "somebody has made a first token just now: this server asks who calls",
        );
      }
      const given = givenIn(wanted, nowMs);
      const taken = this.#named(given.name);
      if (taken !== undefined) {
        const message = `there is a token ${JSON.stringify(given.name)} already, ${taken.id}; wanted another name, or revoke that one first`;
        throw new WatchpostError("ALREADY_EXISTS", message);
      }
      if (this.#byId.size >= TOKENS_MAX) {
        throw new WatchpostError("RESOURCE_EXHAUSTED", `there are ${TOKENS_MAX} tokens already; revoke some first`);
      }
      const { id, secret, hash } = newSecret();
      const token: KeptToken = { ...given, id, hash, createdAtMs: nowMs, createdBy: by, lastUsedAtMs: undefined };
      if (!this.#hasAny && !this.#hasOtherAdmins && !isLastingAdmin(token)) {
        const message =
          "the first token turns authentication on for everybody; wanted an admin's, for everything and without an end, so that there is somebody who can make others";
        throw new WatchpostError("FAILED_PRECONDITION", message);
      }
      await this.#deps.journal.append([tokenEvent("created", token, by, nowMs)], [tokenChange(token)]);
      this.#byId.set(id, token);
      const isFirst = !this.#hasAny;
      this.#hasAny = true;
      if (isFirst) this.#tell("", by);
      return { token, secret };
    });
  }

  /** By id or name. Resolves once that is durable and holds. Throws NOT_FOUND; FAILED_PRECONDITION for the last admin's. */
  revoke(which: string, by: string): Promise<KeptToken> {
    return this.#serial.run(ALL, async () => {
      const token = this.#byId.get(which) ?? this.#named(which);
      if (token === undefined) {
        throw new WatchpostError("NOT_FOUND", `there is no token ${JSON.stringify(which)}; wanted an id or a name`);
      }
      if (token.id === this.#deps.configured?.id) {
        const message = `the token ${token.name} is configured: it is revoked by taking auth.admin_token out of the configuration`;
        throw new WatchpostError("FAILED_PRECONDITION", message);
      }
      const others = [...this.#byId.values()].filter((other) => other !== token);
      if (isLastingAdmin(token) && !this.#hasOtherAdmins && !others.some(isLastingAdmin)) {
        const message = `${token.name} is the last admin for everything without an end: nobody could give access again; make another one first`;
        throw new WatchpostError("FAILED_PRECONDITION", message);
      }
      const atMs = Math.floor(this.#deps.clock.nowMs());
      const sessions = [...this.#sessions.values()].filter(({ tokenId }) => tokenId === token.id);
      const changes = [noToken(token.id), noUse(token.id), ...sessions.map(noWebSession)];
      await this.#deps.journal.append([tokenEvent("revoked", token, by, atMs)], changes);
      this.#byId.delete(token.id);
      for (const session of sessions) this.#forget(session, revokedText(token, atMs));
      this.#tell(token.id, by);
      const revoked = this.#withUse(token);
      this.#usedAtMs.delete(token.id);
      return revoked;
    });
  }

  /**
   * Whether `id` is of a token that cannot be read; then nothing is kept of it once this resolves. Throws FAILED_PRECONDITION where
   * nobody could give access from then on.
   */
  forgetUnreadable(id: string): Promise<boolean> {
    return this.#serial.run(ALL, async () => {
      if (!this.#unreadable.has(id)) return false;
      if (!this.hasLastingAdmin && !this.#hasOtherAdmins) {
        const message = `${id} may be the last admin's, though it cannot be read: without it this server would ask nobody who they are; make an admin's token first`;
        throw new WatchpostError("FAILED_PRECONDITION", message);
      }
      await this.#deps.journal.append([], [noToken(id)]);
      this.#unreadable.delete(id);
      return true;
    });
  }

  /**
   * Resolves with the secret of a session of a browser that has shown a token. Of too many, of the token or of all, the one goes that ends
   * first. Throws UNAUTHENTICATED where the token was revoked meanwhile.
   */
  openWebSession(token: KeptToken): Promise<{ readonly secret: string; readonly session: WebSession }> {
    return this.#serial.run(ALL, async () => {
      if (!this.#byId.has(token.id)) throw new WatchpostError("UNAUTHENTICATED", "the token was revoked just now");
      const { id, secret, hash } = newSecret();
      const expiresAtMs = Math.min(Math.floor(this.#deps.clock.nowMs()) + WEB_SESSION_MS, token.expiresAtMs);
      const session = { id, hash, tokenId: token.id, tokenHash: token.hash, expiresAtMs };
      const gone = this.#sessionsToGo(token);
      await this.#deps.journal.append([], [webSessionChange(session), ...gone.map(noWebSession)]);
      for (const one of gone) this.#forget(one, this.#whyOver(one));
      this.#sessions.set(id, session);
      for (const one of gone) this.#tell(one.id, "");
      return { secret, session };
    });
  }

  /** Logged out: resolves once that is durable. Nothing where there is none. */
  closeWebSession(secret: string): Promise<void> {
    return this.#serial.run(ALL, async () => {
      const { session } = this.ofWebSession(secret) ?? {};
      if (session === undefined) return;
      await this.#deps.journal.append([], [noWebSession(session)]);
      this.#forget(session, "it was logged out");
      this.#tell(session.id, "");
    });
  }

  /** Keeps when tokens were last used, a few hundred at a time; rejects with the first that cannot be kept, and the next call goes on. */
  flushUse(): Promise<void> {
    return this.#serial.run(ALL, async () => {
      const used = [...this.#usedAtMs.keys()].map((id) => this.#byId.get(id)).filter((token) => token !== undefined);
      const kept = used.map((token) => this.#withUse(token)).filter(({ id }) => id !== this.#deps.configured?.id);
      for (let at = 0; at < kept.length; at += DOCUMENTS_AT_ONCE) {
        const some = kept.slice(at, at + DOCUMENTS_AT_ONCE);
        await this.#deps.journal.append(
          [],
          some.map(({ id, lastUsedAtMs = 0 }) => useChange(id, lastUsedAtMs)),
        );
        for (const token of some) this.#keptUse(token);
      }
    });
  }

  /**
   * Calls `listener` with the id of each token that is revoked and each session that is logged out, once that holds; with "" once there is
   * a first token. Returns what ends it.
   */
  follow(listener: (id: string, by: string) => void): () => void {
    const own = (id: string, by: string) => listener(id, by);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  #whyOver(session: WebSession): string {
    return overText(session, this.#byId.get(session.tokenId), this.#deps.clock.nowMs());
  }

  #forget(session: WebSession, why: string): void {
    this.#sessions.delete(session.id);
    this.#ended.add(session, why);
  }

  /** What another node has written, as it holds now. */
  heard(changes: readonly DocumentChange[]): void {
    for (const { collection, key, value } of changes) {
      if (collection === TOKENS) this.#heardToken(key, value);
      else if (collection === TOKEN_USES && value !== null) this.#usedElsewhere(key, value);
      else if (collection === WEB_SESSIONS) this.#heardWebSession(key, value);
    }
  }

  #heardToken(id: string, value: string | null): void {
    if (id === this.#deps.configured?.id) return;
    if (value === null) {
      this.#unreadable.delete(id);
      if (!this.#byId.delete(id)) return;
      this.#usedAtMs.delete(id);
      return this.#tell(id, "");
    }
    const read = () => tokenOf(id, value);
    const token = new SetAside(this.#deps.onTrouble).read(documentName({ collection: TOKENS, key: id }), read);
    if (token !== undefined) this.#byId.set(id, token);
    else this.#unreadable.add(id);
    const isFirst = !this.#hasAny;
    this.#hasAny = true;
    if (isFirst) this.#tell("", "");
  }

  #heardWebSession(id: string, value: string | null): void {
    const known = this.#sessions.get(id);
    if (value !== null) return void this.#sessions.set(id, webSessionOf(id, value));
    if (known === undefined) return;
    this.#forget(known, "it was ended over another node");
    this.#tell(id, "");
  }

  #usedElsewhere(id: string, value: string): void {
    const token = this.#byId.get(id);
    const lastUsedAtMs = useOf(value);
    if (token !== undefined && lastUsedAtMs > (token.lastUsedAtMs ?? 0)) this.#byId.set(id, { ...token, lastUsedAtMs });
  }

  #tell(id: string, by: string): void {
    for (const listener of this.#listeners) listener(id, by);
  }

  #keptUse(token: KeptToken): void {
    this.#byId.set(token.id, token);
    // It may have been used again meanwhile.
    if (this.#usedAtMs.get(token.id) === token.lastUsedAtMs) this.#usedAtMs.delete(token.id);
  }

  #withUse(token: KeptToken): KeptToken {
    const lastUsedAtMs = this.#usedAtMs.get(token.id) ?? token.lastUsedAtMs;
    return { ...token, lastUsedAtMs };
  }

  #named(name: string): KeptToken | undefined {
    return [...this.#byId.values()].find((token) => token.name === name);
  }

  /** Some of those that have run out; without any, and where there are too many, the one that would next. */
  #sessionsToGo({ id }: KeptToken): WebSession[] {
    const nowMs = this.#deps.clock.nowMs();
    const all = [...this.#sessions.values()];
    const out = all.filter(({ expiresAtMs }) => expiresAtMs <= nowMs);
    if (out.length > 0) return out.slice(0, DOCUMENTS_AT_ONCE);
    const own = all.filter(({ tokenId }) => tokenId === id);
    const tooMany = own.length >= SESSIONS_PER_TOKEN_MAX ? own : all.length >= WEB_SESSIONS_MAX ? all : [];
    return tooMany.length === 0
      ? []
      : [tooMany.reduce((first, one) => (one.expiresAtMs < first.expiresAtMs ? one : first))];
  }

  async #restore(): Promise<void> {
    const setAside = new SetAside(this.#deps.onTrouble);
    await this.#each(TOKENS, (document) => {
      this.#hasAny = true;
      // Of a damaged one the journal has told.
      const read = () => setAside.read(documentName(document), () => tokenOf(document.key, document.value));
      const token = document.value === DAMAGED ? undefined : read();
      if (token !== undefined) this.#byId.set(token.id, token);
      else this.#unreadable.add(document.key);
    });
    await this.#each(TOKEN_USES, ({ key, value }) => {
      if (value !== DAMAGED) this.#usedElsewhere(key, value);
    });
    await this.#each(WEB_SESSIONS, (document) => {
      if (document.value === DAMAGED) return;
      const session = setAside.read(documentName(document), () => webSessionOf(document.key, document.value));
      if (session !== undefined) this.#sessions.set(session.id, session);
    });
  }

  async #each(collection: string, take: (document: StoredDocument) => void): Promise<void> {
    for (let after: StoredDocument | undefined; ;) {
      const page = await this.#deps.journal.documents({
        collection,
        limit: DOCUMENTS_AT_ONCE,
        hasDamaged: true,
        ...(after && { after }),
      });
      page.forEach(take);
      if (page.length < DOCUMENTS_AT_ONCE) return;
      after = page.at(-1);
    }
  }
}
