const US_PER_SECOND = 1_000_000;
/** All zones of today change at whole quarters of an hour of UTC. */
const US_PER_QUARTER = 900 * US_PER_SECOND;
const QUARTERS_KEPT_MAX = 4_096;

/** Local time of a zone of the IANA database. Asking for an offset formats a date: offsets are kept by quarter of an hour. */
export class TimeZone {
  readonly #format: Intl.DateTimeFormat;
  readonly #offsets = new Map<number, number>();
  #quarter = NaN;
  #offsetUs = 0;

  /** Throws RangeError for a zone that is not known. */
  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  }

  /** How far local time is before UTC; both in microseconds. */
  offsetUs(timeUs: number): number {
    const quarter = Math.floor(timeUs / US_PER_QUARTER);
    if (quarter !== this.#quarter) {
      this.#quarter = quarter;
      this.#offsetUs = this.#offsets.get(quarter) ?? this.#ask(quarter);
    }
    return this.#offsetUs;
  }

  #ask(quarter: number): number {
    const text = this.#format.format((quarter * US_PER_QUARTER) / 1_000);
    const [, sign = "+", hours = "0", minutes = "0", seconds = "0"] =
      /GMT(?:([+-])(\d+):(\d+)(?::(\d+))?)?$/.exec(text) ?? [];
    const offset = Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
    const offsetUs = (sign === "-" ? -offset : offset) * US_PER_SECOND;
    if (this.#offsets.size >= QUARTERS_KEPT_MAX) this.#offsets.clear();
    this.#offsets.set(quarter, offsetUs);
    return offsetUs;
  }
}

const zones = new Map<string, TimeZone>();

/** The one of that name: what makes it is slow and large. Throws RangeError for a zone that is not known. */
export function timeZoneOf(name: string): TimeZone {
  let zone = zones.get(name);
  if (zone === undefined) zones.set(name, (zone = new TimeZone(name)));
  return zone;
}
