/** What an entry of the journal says to people. Each feature tells of its own kinds. */
import type { Scope } from "./access.ts";
import type { JournalEntry } from "./journal.ts";

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
  /** Whether it is for those who see a part; missing: it is for those who see everything. */
  readonly isSeen?: (scope: Scope) => boolean | Promise<boolean>;
}

/** Undefined: nothing that people look for. Throws for what is no entry as this version writes them. */
export type TellChange = (entry: JournalEntry) => ToldChange | undefined;
