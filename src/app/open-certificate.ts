/** The certificate of both ports, where one is configured. */
import type { Config } from "../config/config.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { WebTlsOptions } from "../transport/web-listener.ts";

/** Undefined: without TLS. Throws FAILED_PRECONDITION where its files cannot be used. `opening` closes it. */
export async function openCertificate(
  { tls }: Config,
  { clock, logger, metrics }: { readonly clock: Clock; readonly logger: Logger; readonly metrics: Metrics },
  opening: AsyncDisposableStack,
): Promise<WebTlsOptions | undefined> {
  const { cert, key, client_ca: clientCa, client_certificates: asked, http2: hasHttp2 } = tls;
  if (cert === undefined || key === undefined) return undefined;
  const { CertificateSource } = await import("../transport/certificate-source.ts");
  const source = await CertificateSource.open(
    { cert, key, clientCa },
    {
      clock,
      logger,
      onInForce: ({ notAfterMs }) => metrics.certificateExpiry.set({ file: cert }, notAfterMs / 1_000),
      onReload: (isTaken) => metrics.certificateReloads.inc({ result: isTaken ? "taken" : "refused" }),
    },
  );
  opening.defer(() => source.close());
  return { source, hasHttp2, isClientCertificateRequired: clientCa !== undefined && asked === "required" };
}
