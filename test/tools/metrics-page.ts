/** docs/metrics.md: all that `/metrics` tells, made of the code. */
import { createMetrics } from "../../src/metrics/metrics.ts";

const HEAD = `# Metrics

<!-- Made by \`bun run gen\` from src/metrics. -->

All that \`GET /metrics\` tells, in Prometheus's text format. [Operating](operating.md#health-and-metrics) says what to look at first; \`deploy/\` has a
dashboard of Grafana and alert rules. Where the server asks for tokens, Prometheus needs one of a viewer for everything. Durations are seconds,
sizes bytes; counters begin at 0 with each start of the server. No label has a value that senders or readers choose freely: names of methods,
receivers, brokers and doors are the server's own, or of its settings. Where nobody has been counted under a label yet, there is no series.

`;

interface Described {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

export function metricsPage(): string {
  const { registry } = createMetrics();
  const rows = registry.getMetricsAsArray().map((metric) => {
    const { name, help, labelNames = [] } = metric as unknown as Described;
    const labels = labelNames.filter((label) => label !== "le").map((label) => `\`${label}\``);
    return [`\`${name}\``, metric.constructor.name.toLowerCase(), labels.join(", "), help.replaceAll("|", "\\|")];
  });
  const table = [["metric", "type", "labels", "what"], ...rows];
  const widths = [0, 1, 2, 3].map((at) => Math.max(...table.map((row) => row[at].length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at])).join(" | ")} |\n`;
  const [titles, ...lines] = table;
  return HEAD + [titles, widths.map((width) => "-".repeat(width)), ...lines].map(line).join("");
}
