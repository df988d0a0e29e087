/**
 * The console's files: in an executable those that were embedded when it was compiled, from the sources made when they are asked for.
 *
 * They are bundled apart from the server and embedded as one archive: an HTML import would do the same, but where code is split
 * and compiled to bytecode, Bun 1.4.5 then looks for the server's own late imports under "/".
 */
import type { BunPlugin } from "bun";
import { basename, join } from "node:path";
import type { ConsoleContent } from "../transport/console-files.ts";

/** Of the archive among the embedded files; build.ts gives it. */
export const CONSOLE_ARCHIVE = "console.archive";

/** @throws Error where the executable was compiled without them. */
export async function consoleContent(): Promise<readonly ConsoleContent[]> {
  const archive = Bun.embeddedFiles.find((file) => (file as File).name.startsWith("console"));
  if (archive !== undefined) return parseConsoleArchive(await archive.text());
  return bundleConsole(join(import.meta.dir, "../console/index.html"));
}

/** @throws AggregateError of what the bundler said. */
export async function bundleConsole(page: string): Promise<readonly ConsoleContent[]> {
  const { outputs } = await Bun.build({
    entrypoints: [page],
    ...{ minify: true, splitting: true, publicPath: "/" },
    // Otherwise every element would carry the place in the sources that made it.
    define: { "process.env.NODE_ENV": JSON.stringify("production") },
    plugins: [plainDescriptors],
  });
  // The page has all of the style: what Bun writes beside the parts that are loaded later is a copy.
  const html = await outputs.find(({ path }) => path.endsWith(".html"))!.text();
  const isWanted = ({ path }: { readonly path: string }) => !path.endsWith(".css") || html.includes(basename(path));
  return Promise.all(
    outputs.filter(isWanted).map(async (output) => ({
      name: basename(output.path),
      type: output.type,
      packed: Bun.gzipSync(await output.arrayBuffer(), { library: "libdeflate", level: 12 }),
    })),
  );
}

/** Generated code has its descriptors in base64, in which gzip finds none of their many repetitions. */
const plainDescriptors: BunPlugin = {
  name: "plain descriptors",
  setup(build) {
    build.onLoad({ filter: /wire\/gen\/.*_pb\.ts$/ }, async ({ path }) => {
      const text = await Bun.file(path).text();
      const contents = text
        .replace(/fileDesc\("([^"]+)"/, (_, base64: string) => `fileDesc(btoa(${JSON.stringify(atob(base64))})`)
        // Lazy ones would be 1.4 KB more to load before anything is shown.
        .replace(/"[./]+\/lazy-descriptors\.ts"/, '"@bufbuild/protobuf/codegenv2"');
      return { contents, loader: "ts" };
    });
  },
};

export function consoleArchive(content: readonly ConsoleContent[]): string {
  return JSON.stringify(content.map((file) => ({ ...file, packed: file.packed.toBase64() })));
}

function parseConsoleArchive(archive: string): readonly ConsoleContent[] {
  const content = JSON.parse(archive) as { readonly name: string; readonly type: string; readonly packed: string }[];
  return content.map((file) => ({ ...file, packed: Uint8Array.fromBase64(file.packed) }));
}
