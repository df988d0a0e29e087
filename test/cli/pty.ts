/** A command on a terminal of its own, typed on and looked at. */
import { watchpostCommand } from "../support/server-process.ts";

export interface OnPty extends AsyncDisposable {
  /** Everything written so far. */
  readonly out: string;
  /** The same without colours and other sequences, its lines ending in "\n". */
  readonly text: string;
  type(text: string): void;
  /** Resolves once it has written what is wanted, behind what was wanted before; rejects with all that is there after a while. */
  until(wanted: string | RegExp): Promise<void>;
  /** Once all that it wrote has come. */
  readonly ended: Promise<number>;
}

const PATIENCE_MS = 60_000;
/** A terminal does not say that nothing more comes. */
const QUIET_MS = 250;

export function onPty(args: readonly string[], env: Readonly<Record<string, string>>, columns = 80): OnPty {
  let out = "";
  let seen = 0;
  let wake = () => {};
  const decoder = new TextDecoder();
  const terminal = new Bun.Terminal({
    cols: columns,
    rows: 24,
    data(_, bytes) {
      out += decoder.decode(bytes, { stream: true });
      wake();
    },
  });
  const child = Bun.spawn([...watchpostCommand(false), ...args], {
    terminal,
    env: { PATH: process.env["PATH"] ?? "", TERM: "xterm", ...env },
  });
  return {
    get out() {
      return out;
    },
    get text() {
      return plain(out);
    },
    type: (text) => void terminal.write(text),
    async until(wanted) {
      const deadlineMs = performance.now() + PATIENCE_MS;
      for (;;) {
        const since = plain(out).slice(seen);
        const [found] =
          typeof wanted === "string" ? (since.includes(wanted) ? [wanted] : []) : (wanted.exec(since) ?? []);
        if (found !== undefined) return void (seen += since.indexOf(found) + found.length);
        if (performance.now() > deadlineMs) throw new Error(`waited in vain for ${wanted}:\n${since}`);
        await Promise.race([new Promise<void>((resolve) => (wake = resolve)), Bun.sleep(100)]);
      }
    },
    ended: child.exited.then(async (code) => {
      for (let length = -1; length < out.length; await Bun.sleep(QUIET_MS)) length = out.length;
      return code;
    }),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      terminal.close();
    },
  };
}

/** In raw mode, too, line breaks are written as they are for printers. */
function plain(out: string): string {
  return Bun.stripANSI(out).replaceAll(/\r+\n/g, "\n");
}
