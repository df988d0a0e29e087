/** As the wire spells them, the mildest first. */
export const SEVERITIES = ["low", "medium", "high", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** 1 for low to 4 for critical. */
export function rankOf(severity: Severity): number {
  return SEVERITIES.indexOf(severity) + 1;
}
