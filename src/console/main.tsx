/** The console: what an operator sees in a browser. */
import { render } from "preact";
import { watchForAttention } from "./attention/watch.ts";
import { listenForWaking } from "./connection.ts";
import { followSites } from "./data/alert-sites.ts";
import { followAlerts } from "./data/alerts.ts";
import { followDevices } from "./data/devices.ts";
import { followRecurrences } from "./data/recurrences.ts";
import { takeKeysFromAddresses } from "./key-in-address.ts";
import { readSilences } from "./data/silences.ts";
import { listenForKeys } from "./keys.ts";
import { loadLazy } from "./lazy.tsx";
import { applyPreferences } from "./preferences.ts";
import { actUnderProvenName } from "./who.ts";
import { Shell } from "./shell/shell.tsx";

const LOAD_LAZY_AFTER_MS = 2_000;

applyPreferences(document.documentElement);
listenForWaking();
actUnderProvenName();
takeKeysFromAddresses();
followAlerts();
followDevices();
followSites();
followRecurrences();
void readSilences();
watchForAttention();
listenForKeys();
render(<Shell />, document.getElementById("app")!);
setTimeout(loadLazy, LOAD_LAZY_AFTER_MS);
