/**
 * `journal-process.ts DIR NAME`: appends events one after the other from several writers, points beside them, until it is
 * killed. Prints `position payload` for each event that is appended, on a line of its own. The document of a writer is its
 * last event.
 */
import { writeSync } from "node:fs";
import { recordOf } from "./harness.ts";
import { eventOf, openJournal, upTo } from "./journal-rig.ts";

const WRITERS = 6;
const [dir, name] = process.argv.slice(2);

if (import.meta.main) {
  const { journal, log, opened } = await openJournal(dir);
  const points = async () => {
    for (let seq = opened.nextSeq; ; seq++) await log.append(recordOf(seq, [seq], [{ id: 1, key: "m\0s" }]));
  };
  const writer = async (writing: number) => {
    const subject = `w${writing}`;
    for (let n = 0; ; n++) {
      const payload = JSON.stringify(`${name}.${writing}.${n}`);
      const document = { collection: "writers", key: subject, sort: n, value: payload };
      const [entry] = await journal.append([{ ...eventOf(n, { subject }), payload }], [document]);
      writeSync(1, `${entry.position} ${payload}\n`);
    }
  };
  await Promise.all([points(), ...upTo(WRITERS).map(writer)]);
}
