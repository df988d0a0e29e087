/** How this program was called: for lines that a person copies. */
export function calledAs(): string {
  return process.argv[1]?.endsWith(".ts") ? "npx -y bun@1.4.5 src/main.ts" : process.argv0;
}
