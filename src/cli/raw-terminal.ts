/** The terminal key by key: standard input in raw mode, brought back however the process ends. */
import type { Terminal } from "./prompt-screen.ts";
import { PASTE_OFF, PASTE_ON } from "./terminal-keys.ts";

export interface RawTerminal extends Terminal {
  onInput(listener: (text: string) => void): void;
  /** Its size has changed, or the process goes on after it was stopped. */
  onChange(listener: () => void): void;
  /** Stops the process, as Ctrl-Z does. */
  suspend(): void;
  close(): void;
}

const CAN_STOP = process.platform !== "win32";

/** Standard input and output have to be terminals. */
export function openRawTerminal(): RawTerminal {
  const { stdin, stdout } = process;
  const decoder = new TextDecoder();
  let onInput = (_: string) => {};
  let onChange = () => {};
  const enter = () => {
    stdin.setRawMode(true);
    stdout.write(PASTE_ON);
  };
  const restore = () => {
    stdout.write(PASTE_OFF);
    stdin.setRawMode(false);
  };
  const read = (bytes: Buffer) => onInput(decoder.decode(bytes, { stream: true }));
  // A terminal that is gone types nothing more.
  const end = () => onInput("\x03");
  const change = () => onChange();
  const goOn = () => {
    enter();
    onChange();
  };
  enter();
  stdin.on("data", read);
  stdin.on("end", end);
  stdout.on("resize", change);
  if (CAN_STOP) process.on("SIGCONT", goOn);
  process.on("exit", restore);
  return {
    get columns() {
      return stdout.columns || 80;
    },
    get rows() {
      return stdout.rows || 24;
    },
    write: (text) => void stdout.write(text),
    onInput: (listener) => void (onInput = listener),
    onChange: (listener) => void (onChange = listener),
    suspend() {
      if (!CAN_STOP) return;
      restore();
      process.kill(process.pid, "SIGTSTP");
    },
    close() {
      process.off("exit", restore);
      process.off("SIGCONT", goOn);
      stdout.off("resize", change);
      stdin.off("data", read);
      stdin.off("end", end);
      restore();
      stdin.pause();
    },
  };
}
