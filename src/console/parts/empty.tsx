import type { ComponentChildren } from "preact";

/** In place of what there is none of: what would make it appear. */
export function Empty({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      <div>{children}</div>
    </div>
  );
}
