/** How the first reading gets here, to be copied: a server that knows nothing yet is shown by this. */
import { who } from "../who.ts";

const READING = { metricName: "temperature", value: 21.5, tags: { device: "sensor-1" } };

export function FirstReading() {
  // A server that asks who calls takes it of a token alone.
  const token = who.value === undefined ? "" : "-H 'authorization: Bearer wp_…' ";
  const body = JSON.stringify({ source: "my-gateway", points: [READING] });
  return (
    <>
      Send a reading, and it appears here by itself. From a terminal, for example:
      <pre class="first-reading" tabIndex={0}>
        curl {token}--json '{body}' {location.origin}/analytics.DataIngestion/UploadBatch
      </pre>
      or a fleet to try things with: <code>watchpost simulate</code>
    </>
  );
}
