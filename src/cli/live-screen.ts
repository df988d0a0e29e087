/** The terminal's other screen, drawn anew again and again. */

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

const REDRAW_MS = 250;

/** `draw` makes lines that fit. Closing brings back what was there before. */
export function openScreen(draw: (size: ScreenSize) => string): { close(): void } {
  const show = () => {
    const { columns = 100, rows = 30 } = process.stdout;
    process.stdout.write(`\x1b[H\x1b[J${draw({ columns, rows })}\n`);
  };
  process.stdout.write("\x1b[?1049h\x1b[?25l");
  show();
  const timer = setInterval(show, REDRAW_MS);
  return {
    close() {
      clearInterval(timer);
      process.stdout.write("\x1b[?25h\x1b[?1049l");
    },
  };
}
