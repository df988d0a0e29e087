/** How many of something, for people: "1 point", "1,200 points". */
export function counted(count: number | bigint, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${Number(count) === 1 ? "" : "s"}`;
}
