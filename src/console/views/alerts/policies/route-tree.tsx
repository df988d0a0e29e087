import type { Route } from "../../../../wire/gen/receivers_pb.ts";

/** A route, what it takes over from the one above left out, and those below it. */
export function RouteTree({ route, above }: { route: Route; above?: Route }) {
  const { receiver, matchers, groupBy, routes } = route;
  const others: [string, string, string | undefined][] = [
    [
      "together by",
      groupBy.join(", ") || "nothing: all in one",
      above && (above.groupBy.join(", ") || "nothing: all in one"),
    ],
    ["waits", route.groupWait, above?.groupWait],
    ["news after", route.groupInterval, above?.groupInterval],
    ["again after", route.repeatInterval, above?.repeatInterval],
  ];
  const said = others.filter(([, own, inherited]) => own !== inherited);
  const item = (
    <>
      <div class="policies-route">
        <span>
          {matchers.length === 0 ? (above === undefined ? "All alerts" : "All of the above") : null}
          {matchers.map((matcher) => (
            <code key={matcher}>{matcher}</code>
          ))}
        </span>
        <span>
          <span aria-hidden="true">→</span> <span class="unseen">go to</span> <strong>{receiver}</strong>
          {route.continue && <span class="chip">and goes on</span>}
        </span>
        <span class="dim">
          {said.map(([name, own]) => `${name} ${own === "..." ? "all labels: each alone" : own}`).join(" · ")}
        </span>
      </div>
      {routes.length > 0 && (
        <ul class="policies-routes">
          {routes.map((below, i) => (
            <RouteTree key={i} route={below} above={route} />
          ))}
        </ul>
      )}
    </>
  );
  return above === undefined ? item : <li>{item}</li>;
}
