/** Issues: a board of them, or one. */
import { useEffect } from "preact/hooks";
import "./issues.css";
import { followIssues } from "../../data/issues.ts";
import { route } from "../../route.ts";
import { Board } from "./board.tsx";
import { IssuePage } from "./issue-page.tsx";

export function IssuesView() {
  const [number = ""] = route.value.rest;
  useEffect(followIssues, []);
  return number === "" ? <Board /> : <IssuePage key={number} number={number} />;
}
