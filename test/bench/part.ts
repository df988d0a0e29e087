/**
 * The process that runs the bench of one part: `bun part.ts SCRIPT`. The script may print by itself while it is
 * imported, or export a function that returns its figures; those come out as {"figures":[…]}.
 */
import type { Bar } from "./finding.ts";

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly bar?: Bar;
}

const script = process.argv[2];
// The script reads its own arguments, and gets none.
process.argv.length = 2;
const exported = (await import(script)) as Record<string, unknown>;
for (const [name, run] of Object.entries(exported)) {
  if (!name.endsWith("Bench") || typeof run !== "function") continue;
  const figures: unknown = await run();
  if (Array.isArray(figures)) console.log(JSON.stringify({ figures }));
}
