/** The package has no types of its own. */
declare module "asciichart" {
  export function plot(values: readonly number[], options?: { readonly height?: number }): string;
}
