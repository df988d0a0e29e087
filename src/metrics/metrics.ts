/** Everything the server counts about itself, in one registry of prom-client: names, units and labels in one place. */
import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import Histogram from "prom-client/lib/histogram.js";
import Registry from "prom-client/lib/registry.js";

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Each is a series for every method that was called. */
const CALL_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.25, 1, 2.5, 10];

const AGE_SECONDS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400, 604_800];

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name: `watchpost_${name}`, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge({ name: `watchpost_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string) =>
    new Histogram({ name: `watchpost_${name}`, help, buckets: SECONDS, registers });
  return {
    registry,
    points: counter("points_total", "Points received, by result: stored or refused", ["result"]),
    refusedPoints: counter(
      "refused_points_total",
      "Points refused, whichever way they came, by reason: not_finite, too_old, too_far_ahead, bad_timestamp, out_of_range, bad_series, too_many_new_series, out_of_scope or unreadable_batch",
      ["reason"],
    ),
    refusedLogins: counter(
      "refused_logins_total",
      "Calls of whoever is not known, by what is wrong with what they showed",
      ["reason"],
    ),
    limited: counter("limited_total", "Calls, batches and connections that a limit refused, by setting of [limits]", [
      "limit",
    ]),
    connections: gauge("connections", "Open connections that limits count: gRPC, and HTTP with a request under way"),
    uploadStreams: gauge("upload_streams", "Open streams that points come over"),
    doorPoints: counter(
      "door_points_total",
      "Points that came by other protocols, by door and result: stored or refused",
      ["door", "result"],
    ),
    doorLeftOut: counter(
      "door_left_out_total",
      "What came by other protocols and is no number to be stored, by door and what it is",
      ["door", "what"],
    ),
    batches: counter("batches_total", "Batches received, by result: accepted or failed as a whole", ["result"]),
    batchSeconds: histogram("batch_duration_seconds", "From a batch's arrival to its durable commit"),
    commitSeconds: histogram("commit_duration_seconds", "From closing a frame to its durable commit"),
    readingAgeSeconds: new Histogram({
      name: "watchpost_reading_age_seconds",
      help: "From the time of a reading to its durable commit, of a few of each commit",
      buckets: AGE_SECONDS,
      registers,
    }),
    commitPoints: counter("commit_points_total", "Points committed to the log"),
    commits: counter("commits_total", "Log records, by result: synced or failed", ["result"]),
    mqttMessages: counter(
      "mqtt_messages_total",
      'Messages from MQTT brokers that are dealt with; pattern "": none takes them',
      ["broker", "pattern"],
    ),
    mqttMalformed: counter(
      "mqtt_malformed_total",
      "Messages from MQTT brokers that gave nothing, though they should have",
      ["broker", "pattern"],
    ),
    mqttPoints: counter("mqtt_points_total", "Points from MQTT brokers, by result: stored or refused", [
      "broker",
      "pattern",
      "result",
    ]),
    mqttConnected: gauge("mqtt_connected", "1 while there is a connection to the MQTT broker", ["broker"]),
    mqttHeldBack: counter(
      "mqtt_held_back_total",
      "Times that points of an MQTT broker could not be stored and are tried again",
      ["broker"],
    ),
    series: gauge("series", "Known series"),
    seriesCache: counter("series_cache_total", "Lookups of a point's series by its bytes: hit or miss", ["result"]),
    devices: gauge("devices", "Known devices, by status: online, late, offline, stale or never_seen", ["status"]),
    deviceDeathsIgnored: counter(
      "device_deaths_ignored_total",
      "Deaths that devices told of themselves and that changed nothing: the device was heard later",
    ),
    alertSeconds: histogram("alert_evaluation_duration_seconds", "Holding the points of a commit against all rules"),
    alertEvaluations: counter("alert_evaluations_total", "Times that a point was held against a rule"),
    alertLagSeconds: gauge("alert_lag_seconds", "How late the time of a rule came at most since the last scrape"),
    alertRules: gauge(
      "alert_rules",
      "Rules that are in force; of several nodes but for the desk: that the node evaluates",
    ),
    activeAlerts: gauge("active_alerts", "Alerts that are not over, by severity and whether they are acknowledged", [
      "severity",
      "acknowledged",
    ]),
    notifications: counter(
      "notifications_total",
      "Attempts to tell a receiver, by outcome: delivered, retrying (it is tried again) or failed (given up)",
      ["receiver", "outcome"],
    ),
    subscriptions: gauge("subscriptions", "Open live streams"),
    pushes: counter("pushes_total", "Live updates sent, first snapshots included"),
    conflated: counter("conflated_total", "Live updates folded into a later one because the reader was slow"),
    liveLeftOut: counter("live_series_left_out_total", "Series that could not join a live stream: live.series_max"),
    dashboards: gauge("saved_dashboards", "Dashboards that are kept; at most dashboards.max"),
    certificateExpiry: gauge(
      "tls_certificate_expiry_timestamp_seconds",
      "When the certificate in force expires, in Unix seconds, by the file it came from",
      ["file"],
    ),
    certificateReloads: counter(
      "tls_certificate_reloads_total",
      "Times that changed files of the certificate were read, by result: taken, or refused while the one before stays",
      ["result"],
    ),
    pages: gauge("console_pages", "Pages of the console that are connected"),
    pageCalls: gauge("console_calls", "Calls and streams of pages that are under way"),
    sessionStreams: gauge("session_streams", "Open streams of members of sessions"),
    sessionRefused: counter("session_messages_refused_total", "Messages to sessions that were refused, by status", [
      "status",
    ]),
    sessionBehind: counter(
      "session_streams_behind_total",
      "Streams of sessions that were ended because they fell behind",
    ),
    queueDepth: gauge("queue_depth", "Entries waiting, by queue", ["queue"]),
    memoryBytes: gauge("memory_budget_used_bytes", "Memory in use under the one budget, by part", ["part"]),
    memoryRefused: counter("memory_refused_total", "Requests refused because the memory budget was used up"),
    headPoints: gauge("head_points", "Points in the head, not yet sealed"),
    chunkBytes: gauge("chunk_bytes", "Bytes of sealed chunks on disk"),
    chunkPoints: gauge("chunk_points", "Points in sealed chunks"),
    blocks: gauge("blocks", "Sealed blocks on disk"),
    sealSeconds: histogram("seal_duration_seconds", "Sealing one generation of the head"),
    querySeconds: histogram(
      "query_duration_seconds",
      "QueryRange, from the request to its answer, before that is written",
    ),
    superseded: counter(
      "points_superseded_total",
      "Stored values replaced by another one of the same series and time before both were sealed",
    ),
    droppedPoints: counter(
      "dropped_points_total",
      "Stored points that retention took, by reason: age, budget or floor",
      ["reason"],
    ),
    droppedBytes: counter("dropped_bytes_total", "Bytes of period files that retention took, by reason", ["reason"]),
    writtenBytes: counter(
      "written_bytes_total",
      "Bytes written to the disk, by what for: log, state, journal, seal or merge",
      ["what"],
    ),
    blockRewrites: counter(
      "block_rewrites_total",
      "Times that sealed blocks were rewritten, by why: merge of small ones into large, or purge of retired series",
      ["why"],
    ),
    diskUsedBytes: gauge("disk_used_bytes", "Bytes of everything in the data directory"),
    diskFreeBytes: gauge("disk_free_bytes", "Bytes that are free on the file system of the data directory"),
    logBytes: gauge("log_bytes", "Bytes of log segments on disk"),
    logSyncs: counter("log_syncs_total", "Syncs of the log"),
    logSyncSeconds: counter("log_sync_seconds_total", "Time that syncs of the log took together"),
    logUnsyncedBytes: gauge("log_unsynced_bytes", "Bytes of acknowledged records that are written and not synced yet"),
    damaged: counter("damaged_records_total", "Damaged records found in log, blocks or state"),
    clockUntrusted: gauge("clock_untrusted", "1 while the wall clock is behind the newest stored arrival"),
    traceSpans: counter(
      "trace_spans_total",
      "Spans, by what became of them: sent, refused by the collector, or dropped for want of room",
      ["result"],
    ),
    calls: counter("calls_total", "Finished calls, by method and gRPC status, refused ones included", [
      "method",
      "status",
    ]),
    callsStarted: counter("calls_started_total", "Calls that were taken, by method", ["method"]),
    openCalls: gauge("open_calls", "Calls and streams that are under way, by method", ["method"]),
    callSeconds: new Histogram({
      name: "watchpost_call_duration_seconds",
      help: "Calls that do not stream, and requests of routes, from being taken to their answer, by method or route",
      labelNames: ["method"],
      buckets: CALL_SECONDS,
      registers,
    }),
    slowCalls: counter("slow_calls_total", "Calls that took longer than slow.call, by method", ["method"]),
    readersCut: counter(
      "readers_disconnected_total",
      "Streams that were ended because their reader fell behind, by method",
      ["method"],
    ),
    slowReaders: gauge("slow_readers", "Streams whose reader has been behind for longer than slow.reader"),
    querySeriesRead: counter("query_series_read_total", "Series that queries have asked the store for"),
    queryPointsRead: counter(
      "query_points_read_total",
      "Points that queries have read, one by one; a summary that stood for many counts as one",
    ),
    upstreamPoints: counter(
      "upstream_points_total",
      "Points for the upstream since the start, by what became of them: acked, refused or dropped",
      ["result"],
    ),
    upstreamBytes: counter("upstream_bytes_total", "Bytes sent to the upstream before compression, by lane", ["lane"]),
    upstreamConnects: counter("upstream_connects_total", "Times that the upstream was connected to", ["upstream"]),
    upstreamConnected: gauge("upstream_connected", "1 while the upstream is connected", ["upstream"]),
    upstreamEvents: gauge(
      "upstream_events",
      "Alerts and events of devices for the upstream: queued, late (it could not take them yet) or refused since the start",
      ["state"],
    ),
    upstreamQueuedPoints: gauge("upstream_queued_points", "Points that the upstream has not acknowledged", [
      "upstream",
    ]),
    upstreamLagSeconds: gauge(
      "upstream_lag_seconds",
      "Age of the oldest reading that the upstream has not acknowledged; 0: it has all",
      ["upstream"],
    ),
    nodePoints: counter(
      "node_points_total",
      "Points between this node and others on the same Redis: sent, received, or left_out since Redis was away or too slow",
      ["direction"],
    ),
    nodeBytes: counter("node_bytes_total", "Bytes of points that were sent to other nodes", ["direction"]),
    nodeLines: gauge(
      "node_lines",
      "Streams that carry points straight between this node and others, since Redis is away for one of them",
    ),
    nodeGaps: counter("node_gaps_total", "Times that points of other nodes were missing, and latest values were read"),
    recentPoints: counter(
      "recent_points_total",
      "Points of the recent window in Redis: written by this node, or read in place of a node that is down",
      ["direction"],
    ),
    recentWrittenBytes: counter(
      "recent_written_bytes_total",
      "Bytes that this node wrote to the recent window in Redis",
    ),
    recentGaps: counter("recent_gaps_total", "Times that the recent window of this node began anew"),
    recentBytes: gauge("recent_bytes", "Bytes of the recent window of all nodes in Redis, as looked at last"),
    recentDropped: counter(
      "recent_dropped_total",
      "Slices of the recent window that this node let go of since there were more bytes than redis.recent_budget, or than Redis has room for",
    ),
    nodesLive: gauge("nodes_live", "Nodes on the same Redis that live, this one among them"),
    redisUp: gauge("redis_up", "1 while the Redis that nodes share is there"),
    isDesk: gauge("is_desk", "1 while this node runs alerts, devices and sessions for all nodes"),
    remoteWritePoints: counter(
      "remote_write_points_total",
      "Points for remote write since the start, by what became of them: sent, refused there, repeated (refused, since they had come before a kill), dropped here, or collided (another one of their millisecond was sent)",
      ["result"],
    ),
    remoteWriteBytes: counter("remote_write_bytes_total", "Bytes of requests that were taken, before compression"),
    remoteWriteUp: gauge("remote_write_up", "1 while the requests of remote write are answered"),
    remoteWriteQueuedPoints: gauge("remote_write_queued_points", "Points that wait to be sent by remote write"),
    remoteWriteLagSeconds: gauge(
      "remote_write_lag_seconds",
      "Since when the oldest point waits that remote write has not sent; 0: none waits",
    ),
    remoteWriteNameCollisions: gauge(
      "remote_write_name_collisions",
      "Metrics that have the name of another one there, and series of which two tags became one label",
    ),
    eventLoopLagSeconds: gauge(
      "event_loop_lag_seconds",
      "Event-loop delay since the last scrape, by statistic: p50, p99 or max",
      ["statistic"],
    ),
    residentBytes: gauge("resident_memory_bytes", "Resident memory of the process"),
    cpuSeconds: counter("cpu_seconds_total", "CPU time used by the process"),
    openFiles: gauge("open_files", "Files and connections that the process has open"),
    openFilesMax: gauge("open_files_max", "Files and connections that the process may have open"),
    startTime: gauge("start_time_seconds", "When the process began, in Unix seconds"),
    buildInfo: gauge("build_info", "Always 1; the build is in the labels", ["version", "commit"]),
  };
}
