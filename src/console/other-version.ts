/**
 * Whether a page whose script is `own` is of another version than its server, which has `scripts`: their names say what is in them.
 * Where one of both is not known, it is not.
 */
export function isOfOtherVersion(own: string | undefined, scripts: readonly string[] | undefined): boolean {
  if (own === undefined || scripts === undefined || scripts.length === 0) return false;
  return !scripts.includes(own.split("/").at(-1)!);
}
