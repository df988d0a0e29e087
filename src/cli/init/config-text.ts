/** The file that `watchpost init` writes: what most people set, with what it is for. */
export interface ConfigFacts {
  /** "ID:HASH" of an admin's token. */
  readonly adminToken: string;
  /** Path of the data directory: absolute, for a server may be started anywhere. */
  readonly data: string;
  /** Paths of PEM files; undefined: nothing is encrypted. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa: string };
}

export function configText({ adminToken, data, tls }: ConfigFacts): string {
  const reach = tls === undefined ? "127.0.0.1" : "0.0.0.0";
  return `# Settings of Watchpost. All of them, with what is in force: watchpost config --config THIS-FILE
# Each can also be set in the environment, such as WATCHPOST_RETENTION_RAW=90d.

# Where points, alerts, sessions and everything else are kept.
data = ${JSON.stringify(data)}

# Where it listens: gRPC for senders and programs, HTTP for the console, curl and other senders.
# Addresses that other machines reach want certificates and tokens, or the word insecure = true.
grpc = "${reach}:50051"
http = "${reach}:8080"

# Names that browsers reach it by, besides those of this machine: "watchpost.example.org"
# http_hosts = "none"

[auth]
# An admin's token: its id and the hash of its secret, which init has shown once. For everybody else:
# watchpost token create NAME --role ROLE. Once there is another admin, "none" can stand here.
admin_token = "${adminToken}"

${tls === undefined ? '# [tls]\n# cert = "server.pem"\n# key = "server.key"' : tlsText(tls)}

[retention]
# How long points are kept, such as "90d"; "keep": for ever. Minutes and hours are kept on their own.
raw = "keep"
# The oldest go when the data takes more, such as "50GiB".
disk_budget = "none"

[alerts]
# Rules, receivers, policies: a YAML file, read again when it changes. See docs/alerts.md.
# rules_file = "rules.yaml"

# A gateway that forwards to a centre. See docs/edge.md.
# [upstream]
# address = "centre.example.org:50051"
# tls = true
# token_file = "centre.token"

# All points to VictoriaMetrics, Mimir, Thanos or Prometheus. See docs/remote-write.md.
# [remote_write]
# url = "http://127.0.0.1:8428/api/v1/write"
`;
}

function tlsText({ cert, key, clientCa }: NonNullable<ConfigFacts["tls"]>): string {
  return `[tls]
# PEM files. They are read again when they change.
cert = ${JSON.stringify(cert)}
key = ${JSON.stringify(key)}
# Certificates that this authority has signed are taken from devices in place of a token.
client_ca = ${JSON.stringify(clientCa)}
# "required" lets nobody in without one: neither people with a token, nor browsers.
client_certificates = "optional"`;
}
