/** The verified certificate that the other side of a connection has shown. */
export interface PeerCertificate {
  /** Of its subject; "" where it has none. */
  readonly commonName: string;
  /** DNS names it is for, as they stand in it: no address, no URI. */
  readonly dnsNames: readonly string[];
  /** SHA-256 of the certificate, 64 lower-case hexadecimal digits. */
  readonly fingerprint: string;
  readonly serialNumber: string;
  /** Past it a connection that was made with it is not to be believed any more. */
  readonly notAfterMs: number;
}
