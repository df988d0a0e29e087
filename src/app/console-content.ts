/**
 * The console's files: in an executable those that were embedded when it was compiled, from the sources made when they are asked for.
 *
 * They are bundled apart from the server and embedded as one archive: an HTML import would do the same, but where code is split
 * and compiled to bytecode, Bun 1.4.5 then looks for the server's own late imports under "/".
 */
import { basename, join } from "node:path";
import type { ConsoleContent } from "../transport/console-files.ts";

/** Of the archive among the embedded files; build.ts gives it. */
export const CONSOLE_ARCHIVE = "console.archive";

/** @throws Error where the executable was compiled without them. */
export async function consoleContent(): Promise<readonly ConsoleContent[]> {
  const archive = Bun.embeddedFiles.find((file) => (file as File).name.startsWith("console"));
  if (archive !== undefined) return parseConsoleArchive(await new Response(archive).arrayBuffer());
  return bundleConsole(join(import.meta.dir, "../console/index.html"));
}

/** @throws AggregateError of what the bundler said. */
export async function bundleConsole(page: string): Promise<readonly ConsoleContent[]> {
  const { outputs } = await Bun.build({ entrypoints: [page], minify: true, publicPath: "/" });
  return Promise.all(
    outputs.map(async (output) => ({ name: basename(output.path), type: output.type, text: await output.text() })),
  );
}

export function consoleArchive(content: readonly ConsoleContent[]): Uint8Array<ArrayBuffer> {
  return Bun.gzipSync(JSON.stringify(content), { level: 9 });
}

function parseConsoleArchive(bytes: ArrayBuffer): readonly ConsoleContent[] {
  return JSON.parse(new TextDecoder().decode(Bun.gunzipSync(bytes))) as ConsoleContent[];
}
