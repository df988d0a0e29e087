import { route } from "../../route.ts";
import { DashboardList } from "./dashboard-list.tsx";
import { DashboardPage } from "./dashboard-page.tsx";
import "./dashboards.css";

/** "/dashboards" is all of them, "/dashboards/ID" one. */
export function DashboardsView() {
  const [id = ""] = route.value.rest;
  return id === "" ? <DashboardList /> : <DashboardPage key={id} id={id} />;
}
