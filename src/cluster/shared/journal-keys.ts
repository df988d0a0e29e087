/** Where the shared journal stands in Redis. One hash tag, so that scripts may have all of them. */
export interface JournalKeys {
  /** A hash of epoch, position and link of the newest transaction: with it the order stands and falls. */
  readonly head: string;
  /** The stream of the newest transactions; ids are their last positions. */
  readonly stream: string;
  /** At which positions further mebibytes of the stream were full. */
  readonly marks: string;
  /** Which commit whoever appends has tried last. */
  tried(appender: string): string;
}

export function journalKeys(prefix: string): JournalKeys {
  const journal = `{${prefix}}:journal`;
  return {
    head: `${journal}:head`,
    stream: journal,
    marks: `${journal}:marks`,
    tried: (appender) => `${journal}:tried:${appender}`,
  };
}
