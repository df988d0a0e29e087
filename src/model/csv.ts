/** Comma separated values as in RFC 4180: cells in quotes may hold commas, line ends and doubled quotes. Pure. */

/** The cells of a record. Undefined where a quote does not end. */
export function splitCells(record: string): string[] | undefined {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    if (record[at] === '"') {
      let cell = "";
      for (at++; ; at++) {
        const quote = record.indexOf('"', at);
        if (quote < 0) return undefined;
        cell += record.slice(at, quote);
        at = quote + 1;
        if (record[at] !== '"') break;
        cell += '"';
      }
      cells.push(cell);
    } else {
      const comma = record.indexOf(",", at);
      const end = comma < 0 ? record.length : comma;
      cells.push(record.slice(at, end));
      at = end;
    }
    if (at >= record.length) return cells;
    at++;
  }
}

/** A text as a cell: in quotes where it has to be. */
export function cellOf(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What spreadsheets would run; of what is guarded already, too, so that a guard can be told from what was there before. */
const FORMULA = /^'*[=+\-@\t\r]/;

/** A text from anywhere as a cell for spreadsheets: one that begins as a formula does gets an apostrophe, which makes it text. */
export function guardedCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n']|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** What a cell of {@link guardedCell} was made of, once it is read. */
export function unguarded(text: string): string {
  return text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;
}

/** Whether a quote that is open before this line is closed behind it, or the other way round. */
export function turnsQuotes(line: string): boolean {
  let quotes = 0;
  for (let at = line.indexOf('"'); at >= 0; at = line.indexOf('"', at + 1)) quotes++;
  return quotes % 2 === 1;
}
