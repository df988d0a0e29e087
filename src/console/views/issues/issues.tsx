/** Issues: a board of them, or one. */
import { useEffect } from "preact/hooks";
import "./issues.css";
import { followIssues } from "../../data/issues.ts";
import { Empty } from "../../parts/empty.tsx";
import { route } from "../../route.ts";
import { Board } from "./board.tsx";
import { IssuePage } from "./issue-page.tsx";

const NUMBER = /^[1-9]\d{0,14}$/;

export function IssuesView() {
  const [number = ""] = route.value.rest;
  useEffect(followIssues, []);
  if (number === "") return <Board />;
  if (NUMBER.test(number)) return <IssuePage key={number} number={number} />;
  return (
    <>
      <h1>Issues</h1>
      <Empty title={`There is no issue ${number}`}>
        Issues have numbers, such as 12. <a href="/issues">See all issues</a>
      </Empty>
    </>
  );
}
