/** Imported with { type: "file" }: a path, inside the executable once it is compiled. */
declare module "*.jsonl.gz" {
  const path: string;
  export default path;
}
