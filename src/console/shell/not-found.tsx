import { Empty } from "../parts/empty.tsx";
import { VIEWS } from "../views.ts";

export function NotFound() {
  return (
    <>
      <h1>No such page</h1>
      <Empty title={`Nothing is at ${location.pathname}`}>
        The address may be mistyped or of another version. There are:{" "}
        {VIEWS.map(({ name, label }, i) => (
          <span key={name}>
            {i > 0 && ", "}
            <a href={`/${name}`}>{label}</a>
          </span>
        ))}
        .
      </Empty>
    </>
  );
}
