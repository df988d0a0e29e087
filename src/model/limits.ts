/** Limits that are part of how the server behaves to the outside. Configurable ones have their defaults in config/. */

export const BATCH_POINTS_MAX = 10_000;
export const MESSAGE_BYTES_MAX = 50 * 1024 * 1024;
/** JSON takes several times its bytes while it is read. */
export const HTTP_MESSAGE_BYTES_MAX = 16 * 1024 * 1024;
/** What a packed body of other systems may become. */
export const HTTP_UNPACKED_BYTES_MAX = 64 * 1024 * 1024;
export const METADATA_BYTES_MAX = 16 * 1024;

/** In flight within one upload stream: received and not yet committed. */
export const STREAM_IN_FLIGHT_POINTS_MAX = 100_000;
export const STREAM_IN_FLIGHT_BYTES_MAX = 64 * 1024 * 1024;

export const METRIC_NAME_LENGTH_MAX = 256;
export const SOURCE_BYTES_MAX = 256;
export const TAGS_MAX = 32;
export const TAG_KEY_BYTES_MAX = 128;
export const TAG_VALUE_BYTES_MAX = 512;

export const UPLOAD_ERRORS_MAX = 10;
export const ACK_REFUSED_MAX = 100;

/** Largest number of points in one log record; several batches share a record, one batch never spans two. */
export const FRAME_POINTS_MAX = 65_536;
/** Log records being written at once: one in the disk's hands, one waiting, so that the log never idles. */
export const COMMITS_OUTSTANDING_MAX = 2;

/** Events and changes of documents that may wait for the journal or be on their way to it, and their bytes. */
export const JOURNAL_QUEUE_ROWS_MAX = 10_000;
export const JOURNAL_QUEUE_BYTES_MAX = 8 * 1024 * 1024;
/** What is committed at once: a few milliseconds, in which no points are. */
export const JOURNAL_COMMIT_ROWS_MAX = 500;
export const JOURNAL_COMMIT_BYTES_MAX = 1024 * 1024;

/** Alerts that one call acts on: what it changes is one commit. */
export const ALERTS_ACTED_ON_MAX = 200;

/** Series × points a unary QueryRange may answer with. */
export const QUERY_SERIES_MAX = 10_000;
/** Series that it may read where it answers with groups, or with the first of them. */
export const QUERY_READ_SERIES_MAX = 100_000;
export const QUERY_POINTS_MAX = 1_000_000;

/** Pages of the console that are connected, and calls of theirs under way. Each page may have a frame that has not arrived whole. */
export const PAGES_MAX = 1_000;
export const PAGES_CALLS_MAX = 10_000;
/** Of one caller. */
export const CALLER_PAGES_MAX = 250;
export const CALLER_PAGES_CALLS_MAX = 2_500;
/** Of one page: one for each query of the largest dashboard. */
export const PAGE_CALLS_MAX = 1_024;

/** Sources that a delivery ledger tells apart, at either end; others are counted together. */
export const LEDGER_SOURCES_MAX = 5_000;
export const OTHER_SOURCES = "(others)";

function holds(what: string, condition: boolean): void {
  if (!condition) throw new Error(`limits contradict each other: ${what}`);
}
holds("a batch fits a frame", BATCH_POINTS_MAX <= FRAME_POINTS_MAX);
holds("ten full batches may be in flight", STREAM_IN_FLIGHT_POINTS_MAX >= 10 * BATCH_POINTS_MAX);
holds("the largest message may be in flight", STREAM_IN_FLIGHT_BYTES_MAX >= MESSAGE_BYTES_MAX);
holds("what is committed at once may wait", JOURNAL_COMMIT_ROWS_MAX <= JOURNAL_QUEUE_ROWS_MAX);
holds("one call's changes of alerts may wait", ALERTS_ACTED_ON_MAX * 4 <= JOURNAL_QUEUE_ROWS_MAX);
holds("no three callers take all pages", CALLER_PAGES_MAX * 4 <= PAGES_MAX);
holds("no three callers take all calls of pages", CALLER_PAGES_CALLS_MAX * 4 <= PAGES_CALLS_MAX);
holds("a caller with one page is held by that of the page", PAGE_CALLS_MAX <= CALLER_PAGES_CALLS_MAX);
holds("the bytes of it may wait", JOURNAL_COMMIT_BYTES_MAX <= JOURNAL_QUEUE_BYTES_MAX);
