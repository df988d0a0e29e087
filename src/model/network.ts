/** Addresses of clients, as limits tell them apart. Pure. */

/** Whoever has one address of IPv6 has the 2^64 beside it. */
export function networkOf(peer: string): string {
  const [, v4] = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(peer) ?? [];
  if (v4 !== undefined) return v4;
  if (!peer.includes(":")) return peer;
  const [head = "", tail = ""] = peer
    .toLowerCase()
    .replace(/[[\]]|%.*$/g, "")
    .split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const [before, after] = [groups(head), groups(tail)];
  const zeros = peer.includes("::") ? Array<string>(Math.max(0, 8 - before.length - after.length)).fill("0") : [];
  const all = [...before, ...zeros, ...after].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${all.join(":")}::/64`;
}
