export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log lines: fields for machines, a message for people. The real one is made in cli/. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}
