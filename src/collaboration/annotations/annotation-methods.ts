/** The methods of the Collaboration service that concern annotations. */
import { serverStreaming, unary, type CallContext, type MethodImpl } from "../../wire/service.ts";
import { Collaboration } from "../../wire/gen/collaboration_pb.ts";
import { actorOf } from "../../wire/actor.ts";
import type { Annotations } from "./annotations.ts";
import { narrowed, type Watcher } from "../seen/narrowed.ts";
import type { Visibility } from "../seen/visibility.ts";
import { listAnnotations } from "./list-annotations.ts";
import { watchAnnotations, type WatchDeps } from "./watch-annotations.ts";

export interface AnnotationMethodDeps extends WatchDeps {
  readonly annotations: Annotations;
  readonly visibility: Visibility;
}

export function annotationMethods(deps: AnnotationMethodDeps): MethodImpl[] {
  const { annotations, journal, setAside, visibility } = deps;
  const { method } = Collaboration;
  const viewer = ({ principal }: CallContext) => visibility.viewer(principal);
  return [
    unary(method.createAnnotation, async (request, context) => ({
      annotation: await annotations.create(request, actorOf(request.userId, context), viewer(context)),
    })),
    unary(method.editAnnotation, async (request, context) => ({
      annotation: await annotations.edit(request, actorOf(request.userId, context), viewer(context)),
    })),
    unary(method.removeAnnotation, async (request, context) => ({
      annotation: await annotations.remove(request, actorOf(request.userId, context), viewer(context)),
    })),
    unary(method.getAnnotation, ({ id }, context) => annotations.get(id, viewer(context))),
    unary(method.listAnnotations, (request, context) => {
      return listAnnotations(request, journal, setAside, viewer(context).sees);
    }),
    serverStreaming(method.watchAnnotations, (request, context) => {
      const watch = (watcher: Watcher) => watchAnnotations(request, deps, watcher, context.signal);
      return narrowed(watch, context, { visibility, cursors: journal });
    }),
  ];
}
