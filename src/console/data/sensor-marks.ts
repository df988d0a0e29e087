/** What lies over the line of a sensor. Pure. */
import type { PlotEpisode, PlotThreshold, Severity } from "../charts/plot-model.ts";
import type { Alert } from "../../wire/gen/alerts_pb.ts";
import type { Sensor } from "../../wire/gen/devices_pb.ts";
import { decimalText, msOf, numberText } from "../format.ts";

/** The valid range: within it is good. */
export function thresholdsOf({ validMin, validMax }: Pick<Sensor, "validMin" | "validMax">): PlotThreshold[] {
  return [
    ...(validMin === undefined ? [] : [{ value: validMin, severity: "good", label: "min" } as const]),
    ...(validMax === undefined ? [] : [{ value: validMax, severity: "high", label: "max" } as const]),
  ];
}

/** "-40 … 120 °C"; "–": any. */
export function validRangeText({ validMin, validMax, unit }: Sensor): string {
  if (validMin === undefined && validMax === undefined) return "–";
  const text =
    validMin === undefined
      ? `to ${numberText(validMax!)}`
      : validMax === undefined
        ? `from ${numberText(validMin)}`
        : `${numberText(validMin)} … ${numberText(validMax)}`;
  return `${text} ${unit}`.trimEnd();
}

/** With the decimals that it is registered with. */
export function valueText({ precision }: Sensor, value: number): string {
  return decimalText(value, precision);
}

export function isOutside({ validMin = -Infinity, validMax = Infinity }: Sensor, value: number): boolean {
  return value < validMin || value > validMax;
}

/** `metric`: "" for all of a device. */
export function episodeOf(alert: Alert): PlotEpisode & { readonly metric: string } {
  const { id, severity, title, createdAt, clearedAt, context } = alert;
  const toMs = msOf(clearedAt);
  return {
    ...{ alertId: id, title, severity: severity as Severity, metric: context["metric"] ?? "" },
    fromMs: msOf(createdAt) ?? 0,
    ...(toMs !== undefined && { toMs }),
  };
}
