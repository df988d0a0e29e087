/** Who may call what: every method and every HTTP route, by role. What is not here nobody may call, and a server does not start with it. */
import { ROLES, type Role } from "../model/access.ts";
import type { Principal } from "../wire/service.ts";

/** What a call needs. */
export interface Need {
  /** None: whoever calls, also without a credential. */
  readonly roles: readonly Role[];
  /** It is about the whole server: whoever sees part of it may not. */
  readonly isForEverything: boolean;
  /** It changes something: the journal says who did it, and from where. */
  readonly isDeed: boolean;
  /** The other nodes call it by themselves: nobody else may, whatever their role. */
  readonly isForNodes: boolean;
}

/** {@link Principal.via} of another node that calls by itself. No credential of anybody else has it. */
export const VIA_NODE = "node";

/** What stands under each: methods as "package.Service/Method", routes by their names. */
const MAY: Readonly<Record<string, string>> = {
  // Says whether the server is there, and nothing of what it has.
  anybody: `
    grpc.health.v1.Health/Check
    grpc.health.v1.Health/Watch
    http.healthz
    http.readyz
    http.console
    http.login
    http.logout
    influx.ping
    influx.health`,
  "anybody known": `
    analytics.Access/WhoAmI
    grpc.reflection.v1.ServerReflection/ServerReflectionInfo
    grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo
    http.tunnel
    http.front`,
  "ingest operator admin": `
    analytics.DataIngestion/UploadData
    analytics.DataIngestion/StreamData
    analytics.DataIngestion/UploadBatch
    analytics.Devices/ReportDevice
    opentelemetry.proto.collector.metrics.v1.MetricsService/Export
    influx.write
    influx.v2.write
    prometheus.write
    otlp.metrics`,
  "viewer operator admin": `
    analytics.Dashboard/SubscribeMetrics
    analytics.Dashboard/QueryRange
    analytics.Dashboard/StreamRange
    analytics.Dashboard/ListMetrics
    analytics.Dashboard/ListSeries
    analytics.Dashboard/ListTagValues
    analytics.SavedDashboards/GetDashboard
    analytics.SavedDashboards/ListDashboards
    analytics.SavedDashboards/WatchDashboards
    analytics.Alerts/SubscribeAlerts
    analytics.Alerts/ListAlerts
    analytics.Alerts/GetAlertHistory
    analytics.Alerts/ListIncidents
    analytics.Alerts/ListSilences
    analytics.Alerts/GetRule
    analytics.Alerts/ListRules
    analytics.Alerts/TestRule
    analytics.Alerts/PreviewRouting
    analytics.Collaboration/WatchSession
    analytics.Collaboration/LeaveSession
    analytics.Collaboration/GetSession
    analytics.Collaboration/ListSessions
    analytics.Collaboration/ListMessages
    analytics.Collaboration/GetAnnotation
    analytics.Collaboration/ListAnnotations
    analytics.Collaboration/WatchAnnotations
    analytics.Collaboration/GetIssue
    analytics.Collaboration/ListIssues
    analytics.Collaboration/WatchIssues
    analytics.Collaboration/ReplaySession
    analytics.Collaboration/ExportSession
    analytics.Devices/GetDevice
    analytics.Devices/ListDevices
    analytics.Devices/WatchDevices
    analytics.Devices/WatchLastSeen
    analytics.DataIngestion/GetDelivery
    analytics.Server/WatchStatus
    analytics.Server/ListChanges
    analytics.Server/WatchChanges
    http.live`,
  "viewer operator admin, for everything": `
    http.metrics
    analytics.DataIngestion/ListBridges
    analytics.Dashboard/GetStoreStats
    analytics.Alerts/ListPolicies
    analytics.Alerts/ListReceivers`,
  // What is said in a session is in its log already, with whoever said it.
  "operator admin": `
    analytics.Collaboration/JoinSession
    analytics.Collaboration/SendMessage`,
  "operator admin, a deed": `
    analytics.Alerts/ActOnAlerts
    analytics.Alerts/AcknowledgeAlert
    analytics.Alerts/ResolveAlert
    analytics.Alerts/AssignAlert
    analytics.Alerts/CommentAlert
    analytics.Alerts/PutSilence
    analytics.Alerts/ExpireSilence
    analytics.Collaboration/CreateSession
    analytics.Collaboration/UpdateSession
    analytics.Collaboration/RekeySession
    analytics.Collaboration/CloseSession
    analytics.Collaboration/ReopenSession
    analytics.Collaboration/ImportSession
    analytics.Collaboration/CreateAnnotation
    analytics.Collaboration/EditAnnotation
    analytics.Collaboration/RemoveAnnotation
    analytics.Collaboration/CreateIssue
    analytics.Collaboration/UpdateIssue
    analytics.Collaboration/CommentIssue
    analytics.Devices/ImportDevices`,
  // What a gateway tells of its own alerts and devices.
  "ingest operator admin, a deed": `
    analytics.Alerts/PublishAlert
    analytics.Devices/RegisterDevice
    analytics.Devices/UpdateDevice`,
  // Names others, with what they look at.
  "operator admin, for everything": `
    analytics.Server/ListSlow
    analytics.Server/GetLogLevel
    analytics.Nodes/ListNodes`,
  "operator admin, for everything, a deed": `
    analytics.Alerts/PutRule
    analytics.Alerts/DeleteRule
    analytics.Alerts/TestReceiver
    analytics.SavedDashboards/PutDashboard
    analytics.SavedDashboards/DeleteDashboard`,
  "admin, a deed": `
    analytics.Devices/DeleteDevice`,
  "admin, for everything, a deed": `
    analytics.Server/SetLogLevel
    analytics.Nodes/DrainNode
    analytics.Nodes/ForgetNode
    analytics.Dashboard/DeleteSeries
    analytics.Dashboard/Backup
    analytics.DataIngestion/Resend
    analytics.DataIngestion/ForgetOrigin
    analytics.DataIngestion/HandOverOrigin
    analytics.Access/CreateToken
    analytics.Access/RevokeToken
    analytics.Access/RevokeCertificate
    analytics.Access/ReinstateCertificate`,
  "admin, for everything": `
    analytics.Access/ListTokens
    analytics.Access/ListRevokedCertificates
    analytics.Access/ListDeeds`,
  "admin, for everything, for nodes": `
    analytics.Nodes/AnnounceDevice
    analytics.Nodes/EvaluateRules
    analytics.Nodes/ExchangeLive
    analytics.Nodes/TellHeard
    analytics.Nodes/ReadSharedState
    analytics.Nodes/QuerySeries
    analytics.Nodes/DeleteNodeSeries`,
};

const NEEDS: ReadonlyMap<string, Need> = new Map(
  Object.entries(MAY).flatMap(([who, names]) => {
    const need = needOf(who);
    return names
      .split(/\s+/)
      .filter(Boolean)
      .map((name) => [name, need] as const);
  }),
);

/** undefined: nobody may. */
export function needFor(name: string): Need | undefined {
  return NEEDS.get(name);
}

/** What of a principal says what it may call. */
type Standing = Pick<Principal, "role" | "scope" | "via">;

/** What a principal may call, methods and routes by their names. */
export function callableBy(principal: Standing): string[] {
  return [...NEEDS].filter(([, need]) => refusalOf(need, principal) === undefined).map(([name]) => name);
}

/** Why somebody may not: they are no node, or their role or scope does not suffice; the first of these. undefined: they may. */
export function refusalOf(
  { roles, isForEverything, isForNodes }: Need,
  { role, scope, via }: Standing,
): "no node" | "role" | "scope" | undefined {
  if (roles.length === 0) return undefined;
  if (isForNodes && via !== VIA_NODE) return "no node";
  if (!roles.includes(role)) return "role";
  return isForEverything && !scope.isEverything ? "scope" : undefined;
}

/** All that have a place, to hold against what is served. */
export function tabled(): IterableIterator<string> {
  return NEEDS.keys();
}

/** Throws for what is served and has no place in the table. */
export function checkTabled(served: Iterable<string>): void {
  const missing = [...served].filter((name) => !NEEDS.has(name));
  if (missing.length > 0)
    throw new Error(`nobody has said who may call ${missing.join(", ")}: they belong into access/table.ts`);
}

function needOf(who: string): Need {
  const [roles, ...rest] = who.split(", ");
  return {
    roles: roles === "anybody" ? [] : roles === "anybody known" ? ROLES : (roles.split(" ") as Role[]),
    isForEverything: rest.includes("for everything"),
    isDeed: rest.includes("a deed"),
    isForNodes: rest.includes("for nodes"),
  };
}
