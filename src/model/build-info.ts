/** Set by build.ts; absent when run from source. */
declare const WATCHPOST_VERSION: string | undefined;
declare const WATCHPOST_COMMIT: string | undefined;

/** What this executable was built from. */
export const BUILD: { readonly version: string; readonly commit: string } = {
  version: typeof WATCHPOST_VERSION === "string" ? WATCHPOST_VERSION : "0.0.0-source",
  commit: typeof WATCHPOST_COMMIT === "string" ? WATCHPOST_COMMIT : "source",
};
