/** What the readers of each page have, before they type what stands there. */
import { ownPort } from "../support/own-port.ts";
import { fencedBlocks } from "./fenced-blocks.ts";
import type { PageSetup } from "./run-page.ts";

const CALL = "http://127.0.0.1:8080/analytics";
/** Readings of now, of two devices. */
const READINGS = `
cat > readings.jsonl <<'END'
{"metric":"temperature_f","value":71.2,"tags":{"device":"press-1","site":"north"}}
{"metric":"temperature_c","value":21.8,"tags":{"device":"pump-1","site":"north"}}
{"metric":"power_kw","value":5.1,"tags":{"device":"pump-1","site":"north"}}
END
watchpost upload readings.jsonl --source my-gateway`;
/** $ALERT is an alert that fires. */
const ALERT = `
ALERT=$(curl --json '{"rule":"hot","labels":{"device":"pump-1"},"title":"pump 1 is hot","severity":"high"}' \\
  ${CALL}.Alerts/PublishAlert | jq -r .alert.id)`;

const ADMIN = `
WATCHPOST_TOKEN=$(watchpost token create admin --role admin)
export WATCHPOST_TOKEN`;
const SESSION = `
watchpost session join pump-1 </dev/null
watchpost session send pump-1 'bearing 2 again?'`;
const RULES = `
cat > rules.yaml <<'END'
rules: [{ name: press-hot, metric: temperature_f, condition: { threshold: { above: 180 } }, severity: high }]
END
cp rules.yaml draft.yaml`;

const COOKBOOK = "docs/alerts-cookbook.md";

/** What stands under `head` in all such blocks of the cookbook, in one file. */
function ofCookbook(head: string, file: string): string {
  const texts = fencedBlocks().filter(({ page, text }) => page === COOKBOOK && text.startsWith(head));
  return `cat > ${file} <<'END'\n${head}${texts.map(({ text }) => text.slice(head.length)).join("")}END\n`;
}

const NODE_PORTS = Array.from({ length: 7 }, ownPort);

export const PAGE_SETUPS: Readonly<Record<string, PageSetup>> = {
  "README.md": {
    before: READINGS + ALERT + RULES,
    instead: { "--devices 500 --duration 1m": "--devices 5 --duration 1s" },
  },
  "docs/alerts.md": {
    before: READINGS + ALERT + RULES,
    instead: {
      "70e3": "$ALERT",
      "5e1f": "$(watchpost silence list --json | jq -r .id | head -1)",
      "2026-03-01T22:00Z --until 2026-03-02T04:00Z":
        "$(date -u +%Y-%m-%dT%H:%MZ -d +1hour) --until $(date -u +%Y-%m-%dT%H:%MZ -d +2hours)",
    },
  },
  [COOKBOOK]: {
    before: ofCookbook("rules:\n", "rules.yaml") + ofCookbook("rule_files: [rules.yaml]\ntests:\n", "rules.test.yaml"),
  },
  "docs/annotations.md": {
    before: `${READINGS}${ALERT}
curl --json '{"sessionId":"inc-7","userId":"ann"}' ${CALL}.Collaboration/CreateSession
note() { watchpost annotations --device pump-1 --json | jq -r --arg begins $1 'select(.text | startswith($begins)).id' | head -1; }`,
    instead: {
      "70e3": "$ALERT",
      "--remove 1b9c": "--remove $(note new)",
      "1b9c": "$(note new)",
      '"id":"…"': `"id":"'$(note new)'"`,
    },
  },
  "docs/dashboards.md": {
    before: `
echo '{"dashboardId":"plant","title":"Plant","panels":[]}' > given.json
watchpost dashboard import given.json`,
  },
  "docs/devices.md": {
    before: `${READINGS}
echo '{"metric":"uptime_s","value":1}' | watchpost upload - --source gw-7`,
  },
  "docs/edge.md": {
    before: `${ADMIN}
printf '[upstream]\naddress = "127.0.0.1:1"\nname = "hall-3"\n' > watchpost.toml`,
    instead: { "0.0.0.0:50051": "0.0.0.0:0" },
  },
  "docs/export.md": { before: READINGS },
  "docs/issues.md": {
    before: `${READINGS}${ALERT}
watchpost issue create 'of before' --assign ann`,
    instead: {
      "70e3": "$ALERT",
      "update 12": "update 1",
      "comment 12": "comment 1",
      "show 12": "show 1",
      "close 12": "close 1",
    },
  },
  "docs/mqtt.md": {
    broker: "# watchpost.toml",
    before: "until watchpost mqtt status --json | jq -e '.[0].connected'; do sleep 0.1; done >/dev/null",
    instead: {
      "watchpost serve --config watchpost.toml": "",
      "watchpost series": `
until watchpost series | grep env_oil_pressure; do sleep 0.1; done
watchpost series temperature --json | grep '"hall-1"'`,
    },
  },
  "docs/nodes.md": {
    needs: ["redis-server"],
    // Ports of Redis, of gRPC and of HTTP.
    before: `PORT=(${NODE_PORTS.join(" ")}); trap 'kill $(jobs -p)' EXIT`,
    instead: {
      "6379": `${NODE_PORTS[0]}`,
      "5006$i": "${PORT[i]}",
      "809$i": "${PORT[i+3]}",
      ...Object.fromEntries([1, 2, 3].map((i) => [`5006${i}`, `${NODE_PORTS[i]}`])),
    },
  },
  "docs/operating.md": {
    before: `
echo '{"metric":"test_c","value":1,"tags":{"device":"pump-7"}}' | watchpost upload - --source gw`,
    instead: { "device=pump-7": "device=pump-7 --yes" },
  },
  "docs/quick-start.md": { instead: { "70e3": "$(watchpost alerts --json | jq -r .id)" } },
  "docs/remote-write.md": {
    before: "printf '[remote_write]\nurl = \"http://127.0.0.1:1/api/v1/write\"\n' > watchpost.toml",
  },
  "docs/replay.md": { before: SESSION },
  "docs/scaling.md": { instead: { "--devices 200 --rate 2000 --duration 10s": "--devices 5 --rate 50 --duration 1s" } },
  "docs/session-file.md": { before: `${SESSION}\nwatchpost session export pump-1 -o pump-1.wps` },
  "docs/sessions.md": {
    before: `echo 'ERROR: no power' > gateway.log`,
    instead: { "tail -f": "cat" },
  },
  "docs/simulate.md": {
    instead: {
      "watchpost serve --data /tmp/try &": "",
      "--devices 50 --from -7d": "--devices 2 --from -1d",
      "--devices 100 --gateways 4 --rate 1000": "--devices 4 --gateways 2 --rate 100 --duration 1s",
    },
  },
  "docs/sparkplug.md": {
    before: `
echo '{"metric":"speed","value":1,"tags":{"device":"pump-3","group":"Plant1"}}' | watchpost upload - --source node`,
  },
  "docs/watching.md": { before: READINGS },
};
