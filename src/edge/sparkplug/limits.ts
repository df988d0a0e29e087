/** What one Sparkplug host takes from what may be a hostile broker. */

export const PAYLOAD_BYTES_MAX = 1024 * 1024;
/** Metrics, members of templates and properties of one payload: each becomes an object, whatever few bytes it takes. */
export const PAYLOAD_ELEMENTS_MAX = 50_000;
export const TEMPLATE_DEPTH_MAX = 8;

export const NODES_MAX = 10_000;
export const DEVICES_PER_NODE_MAX = 1_000;
/** Of a node and its devices together. */
export const METRICS_PER_NODE_MAX = 50_000;
/** Of all nodes: half a kilobyte each. */
export const METRICS_MAX = 250_000;

export const ID_BYTES_MAX = 256;
/** Of what a device says of itself. */
export const PROPERTIES_MAX = 32;
export const PROPERTY_LENGTH_MAX = 256;
export const UNIT_LENGTH_MAX = 64;

/** Rebirth requests: how long one may take, growing while a node goes on needing them, and how many there are in all. */
export const REBIRTH_WAIT_MS_MIN = 10_000;
export const REBIRTH_WAIT_MS_MAX = 300_000;
export const REBIRTHS_PER_SECOND = 50;
/** How long devices may take to be born again after their edge node. */
export const DEVICE_REBIRTH_MS = 30_000;
