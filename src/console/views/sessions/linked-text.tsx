import { linkedParts, type Known } from "../../data/linked-text.ts";

/** What somebody wrote, devices, metrics, alerts, issues and addresses as links. */
export function LinkedText({ text, known }: { text: string; known: Known }) {
  return (
    <>
      {linkedParts(text, known).map(({ text: part, href, isOutside }, i) =>
        href === undefined ? (
          part
        ) : (
          <a key={i} href={href} {...(isOutside && { target: "_blank", rel: "noopener noreferrer" })}>
            {part}
          </a>
        ),
      )}
    </>
  );
}
