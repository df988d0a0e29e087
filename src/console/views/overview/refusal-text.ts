const WORDS: Readonly<Record<string, string>> = {
  not_finite: "no numbers",
  too_old: "too old",
  too_far_ahead: "too far ahead",
  bad_timestamp: "without a time that is one",
  out_of_range: "outside of their sensor's range",
  bad_series: "with names that may not be, or too many of them",
  too_many_new_series: "of more new series than their sender may make for now",
  out_of_scope: "out of the scope of whoever sent them",
  unreadable_batch: "in batches that cannot be read",
};

/** Why points were refused, for people; what a later server says as it says it. */
export function refusalText(reason: string): string {
  return WORDS[reason] ?? reason.replaceAll("_", " ");
}
