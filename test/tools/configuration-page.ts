/** docs/configuration.md, made of the schema of the settings, their defaults and their texts. */
import { z } from "zod";
import { defaultSettings, settingsSchema } from "../../src/config/config.ts";
import { variableOf } from "../../src/config/load.ts";
import { SETTING_TEXTS } from "../../src/config/setting-texts.ts";

export interface SettingFacts {
  /** Dotted, with `NAME` for names that a file chooses. */
  readonly key: string;
  /** As an error says it. */
  readonly wanted: string;
  /** As it would be written in a file; undefined where there is none. */
  readonly fallback: unknown;
  readonly isRequired: boolean;
}

const HEAD = `# All settings

<!-- Made by \`bun run gen\` from src/config. -->

A setting stands in a TOML file (\`--config FILE\` or \`WATCHPOST_CONFIG\`), in the environment, or in a flag; flags win over the
environment, which wins over the file. What is wrong or unknown in a file keeps the server from starting, with a line for each
mistake. An unknown \`WATCHPOST_\` variable is told of and ignored. \`watchpost config\`, with the flags of the server, prints
what is in force and where each setting comes from.

In the environment a setting is called as it stands under it here. Those of brokers are named by their table,
such as \`WATCHPOST_MQTT_PLANT_PASSWORD\` for \`[mqtt.plant]\` in the file.
`;

/** What a default that depends on the machine is made of. */
const OF_THE_MACHINE: Readonly<Record<string, string>> = {
  "memory.budget": "a quarter of the machine's memory, 128MiB to 1GiB",
};
const MACHINE_BYTES = 2 ** 32;

/** Throws where a setting has no text, or a text no setting. */
export function configurationPage(): string {
  const facts = settingsOf(settingsSchema, defaultSettings(MACHINE_BYTES));
  const missing = facts.filter(({ key }) => SETTING_TEXTS[key] === undefined).map(({ key }) => key);
  const stale = Object.keys(SETTING_TEXTS).filter((key) => !facts.some((each) => each.key === key));
  if (missing.length > 0) throw new Error(`src/config/setting-texts.ts does not say what these are for: ${missing}`);
  if (stale.length > 0) throw new Error(`src/config/setting-texts.ts tells of what is no setting: ${stale}`);
  const lines = [HEAD];
  let table = "";
  lines.push("## At the top of the file", "");
  for (const each of facts) {
    const name = each.key.slice(each.key.lastIndexOf(".") + 1);
    const own = each.key.slice(0, Math.max(each.key.lastIndexOf("."), 0));
    if (own !== table) lines.push("", `## \`${headerOf(own)}\``, "");
    table = own;
    lines.push(entry(name, each));
  }
  return `${lines.join("\n")}\n`;
}

function entry(name: string, { key, wanted, fallback, isRequired }: SettingFacts): string {
  const shown = fallback === undefined ? undefined : `\`${JSON.stringify(fallback)}\``;
  const byDefault = isRequired ? "must be set" : `default ${OF_THE_MACHINE[key] ?? shown ?? "none"}`;
  const variable = key.includes(".topics.") ? "" : `, \`${variableOf(key)}\``;
  return `- **\`${name}\`**: ${SETTING_TEXTS[key]}. Wanted: ${wanted}; ${byDefault}${variable}.`;
}

function headerOf(table: string): string {
  const [before, after] = table.split(".topics");
  if (after === undefined) return `[${table}]`;
  return after === "" ? `[[${table}]]` : `[[${before}.topics]] ${after.slice(1)} = { … }`;
}

/** All settings of a schema, those of a table together, its own before those of tables in it. */
export function settingsOf(schema: z.ZodType, defaults: unknown, path = ""): SettingFacts[] {
  const { bare, fallback = defaults, isOptional } = unwrapped(schema);
  if (bare instanceof z.ZodArray) return settingsOf(bare.element as z.ZodType, undefined, path);
  if (bare instanceof z.ZodRecord) return settingsOf(bare.valueType as z.ZodType, undefined, `${path}.NAME`);
  if (!(bare instanceof z.ZodObject)) {
    const isRequired = fallback === undefined && !isOptional;
    return [{ key: path, wanted: wantedBy(bare), fallback, isRequired }];
  }
  const given = (fallback ?? {}) as Record<string, unknown>;
  const inner = Object.entries(bare.shape as Record<string, z.ZodType>).map(([name, each]) =>
    settingsOf(each, given[name], path === "" ? name : `${path}.${name}`),
  );
  const depth = path === "" ? 1 : path.split(".").length + 1;
  const isOwn = (facts: readonly SettingFacts[]) => facts.length === 1 && facts[0].key.split(".").length === depth;
  return [...inner.filter(isOwn), ...inner.filter((facts) => !isOwn(facts))].flat();
}

function unwrapped(schema: z.ZodType): { bare: z.ZodType; fallback?: unknown; isOptional: boolean } {
  if (schema instanceof z.ZodPipe && !(schema.in instanceof z.ZodTransform)) return unwrapped(schema.in as z.ZodType);
  if (schema instanceof z.ZodPrefault) {
    const { bare, isOptional } = unwrapped(schema.unwrap() as z.ZodType);
    return { bare, fallback: schema.def.defaultValue, isOptional };
  }
  if (schema instanceof z.ZodOptional) return { ...unwrapped(schema.unwrap() as z.ZodType), isOptional: true };
  return { bare: schema, isOptional: false };
}

/** What is said of something that no setting can be. */
function wantedBy(leaf: z.ZodType): string {
  const { error } = leaf.safeParse(Symbol());
  const message = error?.issues[0]?.message ?? "";
  if (!message.startsWith("wanted "))
    throw new Error(`a setting does not say what it wants: ${JSON.stringify(message)}`);
  return message.slice("wanted ".length);
}
