/** The server's certificate for grpc-js, which takes another one for new connections while those there are go on. */
import { experimental, type Server, type ServerCredentials } from "@grpc/grpc-js";
import type { CertificateSource } from "./certificate-source.ts";

export interface TlsOptions {
  readonly source: CertificateSource;
  /** Whether a client without a certificate is refused; of no meaning where there are no authorities of clients. */
  readonly isClientCertificateRequired: boolean;
}

type CaListener = experimental.CaCertificateUpdateListener;
type IdentityListener = experimental.IdentityCertificateUpdateListener;

class SourceProvider implements experimental.CertificateProvider {
  readonly #source: CertificateSource;
  readonly #ends = new Map<CaListener | IdentityListener, () => void>();

  constructor(source: CertificateSource) {
    this.#source = source;
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#follow(listener, () => listener({ caCertificate: this.#source.current.clientCa! }));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#ends.get(listener)?.();
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    const tell = () => {
      const { cert, key } = this.#source.current;
      listener({ certificate: cert, privateKey: key });
    };
    this.#follow(listener, tell);
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#ends.get(listener)?.();
  }

  #follow(listener: CaListener | IdentityListener, tell: () => void): void {
    this.#ends.set(listener, this.#source.onChanged(tell));
    // Who adds a listener follows what it is told only once it has been added.
    process.nextTick(tell);
  }
}

export function grpcCredentials({ source, isClientCertificateRequired }: TlsOptions): ServerCredentials {
  const provider = new SourceProvider(source);
  const authorities = source.files.clientCa === undefined ? null : provider;
  // Its first two arguments are called by each other's names in grpc-js 1.14: it takes the server's own certificate first.
  return experimental.createCertificateProviderServerCredentials(provider, authorities, isClientCertificateRequired);
}

/** Before the server is bound. grpc-js has no setting for it, and the platform waits two minutes: its options are reached into. */
export function boundHandshakes(server: Server, handshakeTimeout: number): void {
  const { commonServerOptions } = server as unknown as { commonServerOptions: { handshakeTimeout?: number } };
  commonServerOptions.handshakeTimeout = handshakeTimeout;
}
