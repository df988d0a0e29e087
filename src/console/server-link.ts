/** The page's way to its server: one tunnel after the other, and plain requests where no WebSocket gets through. */
import { signal, type ReadonlySignal } from "@preact/signals";
import { KEEP_ALIVE_EVERY_MS } from "../wire/keep-alive.ts";
import { TUNNEL_PATH, type PagePrincipal, type ServerHello } from "../wire/tunnel-frame.ts";
import { PlainCalls } from "./plain-calls.ts";
import { SLOTS_MAX, type StreamSlots } from "./stream-slots.ts";
import { Tunnel } from "./tunnel.ts";

export type LinkState =
  | { readonly kind: "connecting"; readonly sinceMs: number; readonly reason: string }
  /** Until the next try. */
  | { readonly kind: "waiting"; readonly sinceMs: number; readonly untilMs: number; readonly reason: string }
  | { readonly kind: "open" }
  /** The server is there, and wants to know first who asks. */
  | { readonly kind: "locked"; readonly reason: string }
  /** Without a WebSocket; so many streams at once. */
  | { readonly kind: "plain"; readonly streamsMax: number };

/** What of it is the browser's. */
export interface LinkMeans {
  connect(url: string): WebSocket;
  fetch(request: Request): Promise<Response>;
  /** Whether many requests share a connection, as HTTP/2 has it; asked after a request was answered. */
  isShared(): boolean;
  /** As whom the server takes calls of this browser, undefined: as nobody's; left out: it is not asked. Rejects where it does not say. */
  whoAmI?(): Promise<PagePrincipal | undefined>;
  /** Of streams, shared by all tabs. */
  readonly slots?: StreamSlots;
  /** Is told how far the server's clock is before the browser's. */
  onClock?(offsetMs: number): void;
}

const [BACKOFF_FIRST_MS, BACKOFF_MAX_MS] = [500, 10_000];
/** A tunnel that held for so long was a good one: after it the pauses begin anew. */
const HELD_MS = 10_000;
/** One alone may have met a server that was just starting. */
const REFUSALS_MIN = 2;
/** Over HTTP/2 servers let at least a hundred requests of a connection run, which is that of all tabs. */
const [STREAMS_MAX, STREAMS_MAX_SHARED] = [3, 90];
const UPGRADE_EVERY_MS = 60_000;
/** After it nobody believes that the server is there. */
const HEALTHY_WITHIN_MS = 5_000;
/** What the page asks by itself, and often, hurries no more than that: pauses are there to be kept. */
const HURRIED_EVERY_MS = 5_000;
/** An answer that took longer does not say what time it is. */
const DATE_WITHIN_MS = 2_000;
const HEALTH_PATH = "/healthz";
/** As often as a tunnel pings. */
const HEALTH_EVERY_MS = 5_000;
/** Streams that run show a sign of life before. */
const HEARD_WITHIN_MS = KEEP_ALIVE_EVERY_MS + 5_000;
const UNAUTHORIZED = 401;

export class ServerLink {
  readonly #base: string;
  readonly #means: LinkMeans;
  readonly #state = signal<LinkState>({ kind: "connecting", sinceMs: Date.now(), reason: "" });
  readonly #hello = signal<ServerHello | undefined>(undefined);
  readonly #who = signal<PagePrincipal | undefined>(undefined);
  #tunnel: Tunnel | undefined;
  #plain: PlainCalls | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Until the server is asked again whether it is there, without a tunnel. */
  #asking: ReturnType<typeof setTimeout> | undefined;
  /** Resolves when the present try has ended, however. */
  #tried = Promise.withResolvers<void>();
  #attempt = 0;
  #refusals = 0;
  #isOver = false;
  #hurriedMs = -Infinity;

  /** `base`: of the page, such as "http://127.0.0.1:8080". */
  constructor(base: string, means: LinkMeans) {
    this.#base = base;
    this.#means = means;
    this.#try();
  }

  get state(): ReadonlySignal<LinkState> {
    return this.#state;
  }

  /** What the server said of itself when it was connected to last. */
  get hello(): ReadonlySignal<ServerHello | undefined> {
    return this.#hello;
  }

  /** As whom the server took calls last; undefined until it has said so. */
  get who(): ReadonlySignal<PagePrincipal | undefined> {
    return this.#who;
  }

  /** When anything came from the server; undefined where that is not known. */
  get heardMs(): number | undefined {
    return this.#state.peek().kind === "open" ? this.#tunnel?.heardMs : undefined;
  }

  get isUp(): boolean {
    const { kind } = this.#state.peek();
    return kind === "open" || kind === "plain";
  }

  /** Where it is down the next try is at once, but not often: timers call, too. Rejects with a TypeError where the server cannot be reached, as `fetch` does. */
  readonly fetch = async (input: string | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(String(input), init);
    if (!this.isUp) {
      this.#hurry();
      await this.#tried.promise;
    }
    const state = this.#state.peek();
    if (state.kind === "open") return this.#tunnel!.fetch(request);
    if (state.kind !== "plain") throw new TypeError(state.reason);
    try {
      const response = await this.#plain!.fetch(request);
      if (response.status === UNAUTHORIZED) this.#lock();
      return response;
    } catch (error) {
      if (!request.signal.aborted && this.#plain !== undefined) this.#broke(String(error));
      throw error;
    }
  };

  /** Resolves when it is up, or when it is not waited for any more. */
  up(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!this.isUp && !signal.aborted) return;
        queueMicrotask(() => unsubscribe());
        resolve();
      };
      const unsubscribe = this.#state.subscribe(look);
      signal.addEventListener("abort", look, { once: true });
    });
  }

  /** For what people do. */
  tryNow(): void {
    if (this.#state.peek().kind === "waiting") this.#try();
  }

  /** After a sleep, or another network: the connection may be dead, and nobody has said so. */
  check(): void {
    this.tryNow();
    this.#tunnel?.check();
    if (this.#state.peek().kind === "plain") void this.#ask();
  }

  /** For a page that is left: the browser may keep it as it is, with its connection, to go back to. {@link check} brings it up again. */
  rest(): void {
    this.#tunnel?.close();
  }

  #hurry(): void {
    if (this.#state.peek().kind !== "waiting" || Date.now() - this.#hurriedMs < HURRIED_EVERY_MS) return;
    this.#hurriedMs = Date.now();
    this.#try();
  }

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#asking);
    this.#tunnel?.close();
  }

  #try(): void {
    clearTimeout(this.#timer);
    const before = this.#state.peek();
    if (before.kind === "waiting") this.#state.value = { ...before, kind: "connecting" };
    this.#tried = Promise.withResolvers();
    this.#open();
  }

  #open(): void {
    let openedMs: number | undefined;
    const url = new URL(TUNNEL_PATH, this.#base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const former = this.#tunnel;
    const tunnel = new Tunnel(this.#means.connect(url.href), {
      onOpen: () => {
        openedMs = Date.now();
        [this.#refusals, this.#plain] = [0, undefined];
        clearTimeout(this.#asking);
        this.#up({ kind: "open" });
      },
      onHello: (hello) => {
        this.#hello.value = hello;
        this.#who.value = hello.who;
      },
      onClock: (offsetMs) => this.#means.onClock?.(offsetMs),
      onEnd: (reason) => {
        if (this.#tunnel !== tunnel || this.#isOver) return;
        if (openedMs === undefined) return void this.#refused(reason);
        if (Date.now() - openedMs > HELD_MS) this.#attempt = 0;
        this.#broke(reason);
      },
    });
    this.#tunnel = tunnel;
    former?.close();
  }

  /** No WebSocket could be opened: is it the server, or something between? */
  async #refused(reason: string): Promise<void> {
    const isThere = await this.#isThere();
    const { whoAmI } = this.#means;
    const who = isThere
      ? await whoAmI?.().then(
          (principal) => ({ principal }),
          () => undefined,
        )
      : undefined;
    if (this.#isOver) return;
    if (who !== undefined) {
      if (who.principal === undefined) return this.#lock();
      this.#who.value = who.principal;
    }
    this.#refusals = isThere ? this.#refusals + 1 : 0;
    if (this.#refusals < REFUSALS_MIN) return this.#broke(reason);
    const isShared = this.#means.isShared();
    const [streamsMax, slotsMax] = isShared ? [STREAMS_MAX_SHARED, STREAMS_MAX_SHARED] : [STREAMS_MAX, SLOTS_MAX];
    this.#plain ??= new PlainCalls(streamsMax, (request) => this.#means.fetch(request), this.#means.slots, slotsMax);
    this.#up({ kind: "plain", streamsMax });
    this.#timer = setTimeout(() => this.#open(), UPGRADE_EVERY_MS);
    this.#askLater();
  }

  #askLater(): void {
    clearTimeout(this.#asking);
    this.#asking = setTimeout(() => void this.#ask(), HEALTH_EVERY_MS);
  }

  /** What is half open says nothing by itself: streams would stand still, and nobody would know. */
  async #ask(): Promise<void> {
    clearTimeout(this.#asking);
    const [plain, sentMs] = [this.#plain, Date.now()];
    const isThere = await this.#isThere();
    if (this.#isOver || plain === undefined || plain !== this.#plain) return;
    const nowMs = Date.now();
    // Over HTTP/1.1 it may have waited for a connection that slow answers hold.
    const mayHaveWaited = plain.streamsMax === STREAMS_MAX && nowMs - sentMs >= HEALTHY_WITHIN_MS;
    if (isThere || (mayHaveWaited && nowMs - plain.heardMs < HEARD_WITHIN_MS)) this.#askLater();
    else this.#broke("the server is silent");
  }

  async #isThere(): Promise<boolean> {
    const [over, sentMs] = [new AbortController(), Date.now()];
    const limit = setTimeout(() => over.abort(), HEALTHY_WITHIN_MS);
    const isThere = await this.#means
      .fetch(new Request(new URL(HEALTH_PATH, this.#base).href, { cache: "no-store", signal: over.signal }))
      .then(
        ({ ok, headers }) => {
          this.#hearDate(headers, sentMs);
          return ok;
        },
        () => false,
      );
    clearTimeout(limit);
    return isThere;
  }

  /** Without a tunnel that is the server's clock, to a second. */
  #hearDate(headers: Headers, sentMs: number): void {
    const [dateMs, nowMs] = [Date.parse(headers.get("date") ?? ""), Date.now()];
    if (Number.isNaN(dateMs) || nowMs < sentMs || nowMs - sentMs > DATE_WITHIN_MS) return;
    this.#means.onClock?.(dateMs + 500 - (sentMs + nowMs) / 2);
  }

  #up(state: LinkState): void {
    clearTimeout(this.#timer);
    this.#state.value = state;
    this.#tried.resolve();
  }

  /** Until somebody logs in, which loads the page anew. */
  #lock(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#asking);
    this.#plain = undefined;
    this.#state.value = { kind: "locked", reason: "log in first" };
    this.#tried.resolve();
  }

  #broke(why: string): void {
    const before = this.#state.peek();
    const sinceMs = "sinceMs" in before ? before.sinceMs : Date.now();
    const reason = why || "the server cannot be reached";
    const pauseMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#attempt++) * (0.5 + Math.random() / 2);
    const plain = this.#plain;
    this.#plain = undefined;
    clearTimeout(this.#asking);
    this.#state.value = { kind: "waiting", sinceMs, untilMs: Date.now() + pauseMs, reason };
    this.#tried.resolve();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#try(), pauseMs);
    plain?.close(reason);
  }
}
