import { countText } from "../../../format.ts";

/** What has no room is counted. */
export function More({ count }: { count: number }) {
  return count > 0 ? <p class="dim dash-more">{countText(count)} more: narrow the filters, or group</p> : null;
}
