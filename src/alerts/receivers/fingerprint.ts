const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;
/** No byte of UTF-8. */
const SEPARATOR = 0xff;

/**
 * Sixteen hex digits that stand for a set of labels: what Alertmanager makes of the same ones (FNV-1a over names and
 * values in the order of names, `model.LabelSet.Fingerprint` of prometheus/common).
 */
export function fingerprintOf(labels: Readonly<Record<string, string>>): string {
  let hash = OFFSET;
  const add = (byte: number) => (hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * PRIME));
  for (const name of Object.keys(labels).sort()) {
    for (const text of [name, labels[name]]) {
      for (const byte of Buffer.from(text)) add(byte);
      add(SEPARATOR);
    }
  }
  return hash.toString(16).padStart(16, "0");
}
