/** An annotation by its id, of which the first letters are enough. */
import { allAnnotations } from "../client/annotations.ts";
import type { Connection } from "../client/connection.ts";
import { WatchpostError } from "../model/errors.ts";
import type { Annotation } from "../wire/gen/annotations_pb.ts";
import { annotationTable } from "./annotation-text.ts";
import { printable } from "./watch-table.ts";

/** Only the latest are looked through. */
const LOOKED_MAX = 10_000;
const SHOWN_MAX = 10;

/** Throws INVALID_ARGUMENT where it stands for several, with what they are, NOT_FOUND where it stands for none. */
export async function findAnnotation(connection: Connection, name: string, signal: AbortSignal): Promise<Annotation> {
  const found: Annotation[] = [];
  if (name !== "") {
    for await (const annotation of allAnnotations(connection, {}, { signal, limitMax: LOOKED_MAX })) {
      if (annotation.id === name) return annotation;
      if (annotation.id.startsWith(name)) found.push(annotation);
    }
  }
  if (found.length === 1) return found[0];
  const shown = JSON.stringify(printable(name));
  if (found.length === 0) {
    const message = `no annotation has an id that begins with ${shown}; watchpost annotations tells which there are`;
    throw new WatchpostError("NOT_FOUND", message);
  }
  const lines = annotationTable(found.slice(0, SHOWN_MAX)).trimEnd();
  const message = `${shown} stands for ${found.length} annotations; wanted more letters of one of them:\n${lines}`;
  throw new WatchpostError("INVALID_ARGUMENT", message);
}
