/** Of options that may be repeated: all that were given, one after the other. */
export function collect(text: string, all: readonly string[] = []): string[] {
  return [...all, text];
}
