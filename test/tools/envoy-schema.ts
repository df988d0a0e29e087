/** Of Envoy's API (envoy.config.bootstrap.v3 and what is in it) what deploy/balancers/envoy.yaml may say; any other key is an error. */
import { z } from "zod";

const seconds = z.string().regex(/^\d+(\.\d+)?s$/, "wanted seconds such as 2s");
const TYPES = "type.googleapis.com/envoy.extensions";

const address = z.strictObject({
  socket_address: z.strictObject({ address: z.ipv4(), port_value: z.int().min(1).max(65_535) }),
});

const match = z.strictObject({
  prefix: z.string().startsWith("/"),
  headers: z
    .array(
      z.strictObject({
        name: z.string(),
        string_match: z.strictObject({ prefix: z.string(), ignore_case: z.boolean() }),
      }),
    )
    .optional(),
});

const route = z.union([
  z.strictObject({
    match,
    route: z.strictObject({
      cluster: z.string(),
      timeout: seconds,
      retry_policy: z.strictObject({ retry_on: z.string(), num_retries: z.int() }).optional(),
    }),
  }),
  z.strictObject({
    match,
    direct_response: z.strictObject({
      status: z.int().min(200).max(599),
      body: z.strictObject({ inline_string: z.string() }),
    }),
  }),
]);

const connectionManager = z.strictObject({
  "@type": z.literal(`${TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager`),
  stat_prefix: z.string(),
  codec_type: z.enum(["AUTO", "HTTP1", "HTTP2", "HTTP3"]).optional(),
  stream_idle_timeout: seconds,
  upgrade_configs: z.array(z.strictObject({ upgrade_type: z.literal("websocket") })).optional(),
  route_config: z.strictObject({
    virtual_hosts: z.array(z.strictObject({ name: z.string(), domains: z.array(z.string()), routes: z.array(route) })),
  }),
  http_filters: z.tuple([
    z.strictObject({
      name: z.literal("envoy.filters.http.router"),
      typed_config: z.strictObject({ "@type": z.literal(`${TYPES}.filters.http.router.v3.Router`) }),
    }),
  ]),
});

const listener = z.strictObject({
  name: z.string(),
  address,
  filter_chains: z.array(
    z.strictObject({
      filters: z.array(
        z.strictObject({
          name: z.literal("envoy.filters.network.http_connection_manager"),
          typed_config: connectionManager,
        }),
      ),
    }),
  ),
});

const healthCheck = {
  timeout: seconds,
  interval: seconds,
  unhealthy_threshold: z.int(),
  healthy_threshold: z.int(),
};

const cluster = z.strictObject({
  name: z.string(),
  type: z.enum(["STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST"]),
  connect_timeout: seconds,
  lb_policy: z.enum(["ROUND_ROBIN", "LEAST_REQUEST", "RING_HASH", "RANDOM", "MAGLEV"]),
  typed_extension_protocol_options: z
    .strictObject({
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": z.strictObject({
        "@type": z.literal(`${TYPES}.upstreams.http.v3.HttpProtocolOptions`),
        explicit_http_config: z.strictObject({
          http2_protocol_options: z.strictObject({
            connection_keepalive: z.strictObject({ interval: seconds, timeout: seconds }),
          }),
        }),
      }),
    })
    .optional(),
  health_checks: z.array(
    z.union([
      z.strictObject({ ...healthCheck, grpc_health_check: z.strictObject({ service_name: z.string().optional() }) }),
      z.strictObject({ ...healthCheck, http_health_check: z.strictObject({ path: z.string(), host: z.string() }) }),
    ]),
  ),
  load_assignment: z.strictObject({
    cluster_name: z.string(),
    endpoints: z.array(
      z.strictObject({ lb_endpoints: z.array(z.strictObject({ endpoint: z.strictObject({ address }) })) }),
    ),
  }),
});

export const envoySchema = z.strictObject({
  static_resources: z.strictObject({ listeners: z.array(listener), clusters: z.array(cluster) }),
});
