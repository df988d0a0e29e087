import { createInterface } from "node:readline/promises";

/** Asks on the terminal; only "y" and "yes" are a yes. Ctrl-C and Ctrl-D are a no. */
export async function confirmed(question: string, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // Ctrl-D leaves the question without an answer, and Ctrl-C makes it fail.
  const left = new Promise<undefined>((resolve) => terminal.once("close", () => resolve(undefined)));
  try {
    const asked = terminal.question(question, { signal }).catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== "ABORT_ERR") throw error;
      return undefined;
    });
    const answer = await Promise.race([asked, left]);
    // The line of the question has not ended.
    if (answer === undefined) console.log();
    return /^y(es)?$/i.test(answer?.trim() ?? "");
  } finally {
    terminal.close();
  }
}
