/** The methods of the Collaboration service that concern annotations. */
import { serverStreaming, unary, type MethodImpl } from "../../wire/service.ts";
import { Collaboration } from "../../wire/gen/collaboration_pb.ts";
import { actorOf } from "../../wire/actor.ts";
import type { Annotations } from "./annotations.ts";
import { listAnnotations } from "./list-annotations.ts";
import { watchAnnotations, type WatchDeps } from "./watch-annotations.ts";

export interface AnnotationMethodDeps extends WatchDeps {
  readonly annotations: Annotations;
}

export function annotationMethods(deps: AnnotationMethodDeps): MethodImpl[] {
  const { annotations, journal, setAside } = deps;
  const { method } = Collaboration;
  return [
    unary(method.createAnnotation, async (request, context) => ({
      annotation: await annotations.create(request, actorOf(request.userId, context)),
    })),
    unary(method.editAnnotation, async (request, context) => ({
      annotation: await annotations.edit(request, actorOf(request.userId, context)),
    })),
    unary(method.removeAnnotation, async (request, context) => ({
      annotation: await annotations.remove(request, actorOf(request.userId, context)),
    })),
    unary(method.getAnnotation, ({ id }) => annotations.get(id)),
    unary(method.listAnnotations, (request) => listAnnotations(request, journal, setAside)),
    serverStreaming(method.watchAnnotations, (request, { signal }) => watchAnnotations(request, deps, signal)),
  ];
}
