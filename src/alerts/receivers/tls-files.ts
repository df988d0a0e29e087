import { refused } from "./delivery-error.ts";

/** How the other side's certificate is checked, and what is shown to it. Files are read each time they are used. */
export interface TlsConfig {
  /** Instead of the authorities that the system trusts. */
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly insecureSkipVerify: boolean;
}

export interface TlsOptions {
  readonly rejectUnauthorized: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** As fetch and tls.connect take them. Throws FAILED_PRECONDITION with the path of a file that cannot be read. */
export async function tlsOptions({ caFile, certFile, keyFile, insecureSkipVerify }: TlsConfig): Promise<TlsOptions> {
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map(read));
  return {
    // Said even where it is the default, which an environment variable could change.
    rejectUnauthorized: !insecureSkipVerify,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

async function read(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await Bun.file(path).text();
  } catch (error) {
    const { code } = error as { code?: unknown };
    throw refused(`the TLS file ${path} cannot be read: ${typeof code === "string" ? code : "unknown failure"}`);
  }
}
