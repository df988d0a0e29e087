/** Where routes are, for those who are told that they may not call them: their names are those of counts. */
const PATHS: Readonly<Record<string, string>> = {
  "http.healthz": "/healthz",
  "http.readyz": "/readyz",
  "http.console": "/",
  "http.front": "/",
  "http.login": "/login",
  "http.logout": "/logout",
  "http.tunnel": "/tunnel",
  "http.live": "/live",
  "http.metrics": "/metrics",
  "influx.ping": "/ping",
  "influx.health": "/health",
  "influx.write": "/write",
  "influx.v2.write": "/api/v2/write",
  "prometheus.write": "/api/v1/write",
  "otlp.metrics": "/v1/metrics",
};

/** "/metrics" of "http.metrics"; methods are called as they are named. */
export function calledAs(name: string): string {
  return PATHS[name] ?? name;
}
