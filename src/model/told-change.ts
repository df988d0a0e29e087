/** What an entry of the journal says to people. Each feature tells of its own kinds. */
import type { JournalEntry } from "./journal.ts";

/** Where something is, as far as it says so itself; missing and "": it does not. */
export interface ToldPlace {
  readonly source?: string;
  readonly device?: string;
  readonly site?: string;
}

export interface ToldChange {
  /** What happened: "fired", "registered", … */
  readonly event: string;
  /** Which thing, as people and addresses name it. */
  readonly subject: string;
  /** A sentence. */
  readonly text: string;
  /** Where it is about one. */
  readonly device?: string;
  readonly metric?: string;
  readonly severity?: string;
  readonly status?: string;
  /** Of what it is about. Without one it is for those who see everything. */
  readonly place?: ToldPlace;
}

/** Undefined: nothing that people look for. Throws for what is no entry as this version writes them. */
export type TellChange = (entry: JournalEntry) => ToldChange | undefined;
