/** The longest text that fits: `build` is asked to show fewer and fewer of `count` things, half as many each time. */
export function fitting(count: number, bytesMax: number, build: (shown: number) => string): string {
  for (let shown = count; ; shown = Math.floor(shown / 2)) {
    const text = build(shown);
    if (shown === 0 || Buffer.byteLength(text) <= bytesMax) return text;
  }
}
