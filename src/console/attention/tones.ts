/** Tones by severity, made in the browser. Browsers let a page sound once somebody has clicked or typed in it. */
import { signal } from "@preact/signals";

export type SoundState = "unavailable" | "suspended" | "running";

interface Beep {
  readonly hertz: number;
  readonly atS: number;
  readonly lengthS: number;
}

const beeps = (hertz: readonly number[], everyS: number, lengthS: number): Beep[] =>
  hertz.map((each, i) => ({ hertz: each, atS: i * everyS, lengthS }));
/** The graver, the higher, the more, the faster. */
const TONES: Readonly<Record<string, readonly Beep[]>> = {
  critical: beeps([988, 1319, 988, 1319, 988, 1319], 0.16, 0.13),
  high: beeps([784, 988, 784], 0.24, 0.18),
  medium: beeps([587, 587], 0.35, 0.22),
  low: beeps([440], 0, 0.3),
  lost: beeps([392, 330, 262], 0.3, 0.25),
};
const FADE_S = 0.015;
/** A full sine of each beep would be painful. */
const LOUDEST = 0.5;

export const soundState = signal<SoundState>("unavailable");
let context: AudioContext | undefined;
/** What the latest tone goes through. */
let latest: GainNode | undefined;
/** Where it sounds has been lost once, as with a screen that sleeps and takes its speakers along. */
let wasLost = false;

/** Finds out whether the page may sound, and has it sound from the first click or key on. */
export function prepareSound(): void {
  if (typeof AudioContext === "undefined") return;
  open();
  soundState.value = context!.state === "running" ? "running" : "suspended";
  const arm = () => {
    if (soundState.peek() === "running") return;
    if (wasLost) open();
    context!.resume().catch(() => {});
  };
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, arm, { capture: true, passive: true });
}

/** In place of the one before. */
function open(): void {
  void context?.close().catch(() => {});
  latest = undefined;
  const opened = (context = new AudioContext());
  opened.addEventListener("error", () => (wasLost = true));
  opened.addEventListener("statechange", () => {
    if (opened !== context || (wasLost && opened.state !== "running")) return;
    soundState.value = opened.state === "running" ? "running" : "suspended";
  });
}

/** `volume`: 0 to 1. Silent where the page may not sound. */
export function playTone(severity: string, volume: number): void {
  if (context === undefined || soundState.peek() !== "running") return;
  // A context whose device went is mute for ever, and so is one that was made before it came back.
  if (wasLost) open();
  const beginS = context.currentTime + 0.02;
  // Two at once would be louder than there is room for.
  latest?.gain.linearRampToValueAtTime(0, beginS);
  const tone = new GainNode(context, { gain: 1 });
  tone.connect(context.destination);
  latest = tone;
  for (const { hertz, atS, lengthS } of TONES[severity] ?? TONES["low"]) {
    const [oscillator, gain] = [context.createOscillator(), context.createGain()];
    const [fromS, toS] = [beginS + atS, beginS + atS + lengthS];
    oscillator.type = "triangle";
    oscillator.frequency.value = hertz;
    gain.gain.setValueAtTime(0, fromS);
    gain.gain.linearRampToValueAtTime(volume * LOUDEST, fromS + FADE_S);
    gain.gain.setValueAtTime(volume * LOUDEST, toS - FADE_S);
    gain.gain.linearRampToValueAtTime(0, toS);
    oscillator.connect(gain).connect(tone);
    oscillator.start(fromS);
    oscillator.stop(toS);
  }
}
