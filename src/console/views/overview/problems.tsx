import { serverStatus } from "../../data/server.ts";

/** What somebody should look at; nothing where all is well. */
export function Problems() {
  const problems = serverStatus.value?.problems ?? [];
  return (
    <div role="status" class="overview-problems">
      {problems.map(({ kind, text }) => (
        <p key={`${kind} ${text}`}>
          <span aria-hidden="true">⚠</span> {text}
        </p>
      ))}
    </div>
  );
}
