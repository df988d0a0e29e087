/** Reads a Dockerfile as far as ours goes: stages of instructions. Anything else in it is an error. */

export interface Instruction {
  readonly name: string;
  /** "--from=prepared" as from: "prepared". */
  readonly flags: Readonly<Record<string, string>>;
  /** What follows; of the JSON form its parts. */
  readonly text: string;
  readonly words: readonly string[];
}

export interface Stage {
  readonly base: string;
  /** "" where it has none. */
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

const KNOWN = new Set("COPY RUN ENV USER VOLUME EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD".split(" "));

export function stagesOf(dockerfile: string): Stage[] {
  const lines = dockerfile
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll(/\\\n/g, " ")
    .split("\n");
  const stages: { base: string; name: string; instructions: Instruction[] }[] = [];
  for (const line of lines.map((each) => each.trim()).filter((each) => each !== "")) {
    const from = /^FROM (\S+)(?: AS (\S+))?$/.exec(line);
    if (from !== null) {
      stages.push({ base: from[1], name: from[2] ?? "", instructions: [] });
      continue;
    }
    const [, name = "", rest = ""] = /^([A-Z]+) +(.*)$/.exec(line) ?? [];
    if (!KNOWN.has(name)) throw new Error(`${line}: wanted one of ${[...KNOWN].join(", ")}`);
    const [, options = "", text = ""] = /^((?:--[a-z-]+=\S+ +)*)(.*)$/.exec(rest)!;
    const flags = Object.fromEntries([...options.matchAll(/--([a-z-]+)=(\S+)/g)].map(([, key, value]) => [key, value]));
    stages.at(-1)!.instructions.push({ name, flags, text, words: wordsOf(text) });
  }
  return stages;
}

function wordsOf(text: string): string[] {
  const json = text.slice(text.indexOf("["));
  return json.startsWith("[") && json.endsWith("]") ? (JSON.parse(json) as string[]) : text.split(/\s+/);
}
