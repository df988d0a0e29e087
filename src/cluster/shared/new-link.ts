/** Of a transaction of the shared journal: random, from 1, and exact as a number everywhere. */
export function newLink(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return 1 + (high % 2 ** 20) * 2 ** 32 + low;
}
