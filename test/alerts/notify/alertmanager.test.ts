/**
 * The same settings, alerts and silences in Watchpost and in Debian's Alertmanager: which alerts each receiver hears of in
 * which groups, firing and over, and which ones are held back by what. Times are not compared: what is compared is all that
 * has been said when nothing more is to come.
 */
import { expect } from "bun:test";
import type { AlertFacts } from "../../../src/alerts/notify/alert-facts.ts";
import { parseMatcher, type LabelMatcher } from "../../../src/alerts/notify/label-matcher.ts";
import { notifyConfigOf } from "../../../src/alerts/notify/notify-config-input.ts";
import { SEVERITIES } from "../../../src/alerts/severity.ts";
import { program, testNeeding } from "../../support/needs.ts";
import { randomOf } from "../../support/random.ts";
import { ALERTMANAGER, startAlertmanager, type AlertmanagerProcess } from "./alertmanager-process.ts";
import { makeAlert, resolved } from "./make-alert.ts";
import { Rig } from "./rig.ts";

const ALERTS = 80;
const RECEIVERS = ["ops", "log", "pager", "mail"] as const;

function settingsFor(webhook: string): string {
  const receiver = (name: string) =>
    `  - {name: ${name}, webhook_configs: [{url: "${webhook}", send_resolved: ${name !== "pager"}}]}`;
  return `
route:
  receiver: ops
  group_by: [alertname, site]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
  routes:
    - receiver: log
      matchers: ['alertname=~"(Hot|Cold).*"', site!="c"]
      group_by: [site, missing]
      continue: true
    - receiver: pager
      matchers: [severity="critical"]
      group_by: [nobody]
      routes:
        - matchers: [site=~"a|b", 'device!~"pump-[0-3]"']
          group_by: ["..."]
        - receiver: mail
          matchers: [site=""]
    - receiver: mail
      matchers: [severity="low"]
      group_by: [device]
inhibit_rules:
  - source_matchers: [severity="critical"]
    target_matchers: [severity=~"low|medium"]
    equal: [site, device]
  - source_matchers: [alertname="Down"]
    target_matchers: [alertname=~"Down|Cold"]
    equal: [site]
receivers:
${RECEIVERS.map(receiver).join("\n")}
`;
}

const SILENCES = [
  ["alertname=Stuck", "site=~a|c"],
  ["device=pump-1", "severity!=critical"],
  ["site=", "severity!=high"],
];

/** As Alertmanager takes them. */
function asGiven({ name, operator, value }: LabelMatcher) {
  return { name, value, isRegex: operator.endsWith("~"), isEqual: operator.startsWith("=") };
}

const random = randomOf(20);

function pick<T>(values: readonly T[]): T {
  return values[Math.floor(random() * values.length)];
}

/** Some without a site. */
function randomAlerts(): AlertFacts[] {
  return Array.from({ length: ALERTS }, (_, i) => {
    const site = pick(["a", "b", "c", ""]);
    const labels = { ...(site !== "" && { site }), device: `pump-${Math.floor(random() * 6)}`, nr: `n${i}` };
    const rule = pick(["Hot", "Cold", "Down", "Stuck"]);
    return makeAlert({ id: `n${i}`, rule, severity: pick(SEVERITIES), labels });
  });
}

/** All that was said: "receiver group alert firing". */
class Said {
  readonly #lines = new Set<string>();

  add(
    receiver: string,
    groupKey: string,
    alerts: readonly { status: string; labels: Readonly<Record<string, string>> }[],
  ) {
    for (const { status, labels } of alerts) this.#lines.add(`${receiver} ${groupKey} ${labels["nr"]} ${status}`);
  }

  get lines(): string[] {
    return [...this.#lines].sort();
  }
}

/** "silenced" or "inhibited" for each that is. */
type Muted = Record<string, string>;

async function mutedBy(manager: AlertmanagerProcess): Promise<Muted> {
  const muted: Muted = {};
  for (const { labels, status } of await manager.list()) {
    // Watchpost looks at silences first, and at no more.
    if (status.silencedBy.length > 0) muted[labels["nr"]] = "silenced";
    else if (status.inhibitedBy.length > 0) muted[labels["nr"]] = "inhibited";
  }
  return muted;
}

testNeeding([program(ALERTMANAGER)])(
  "receivers hear of the same alerts as with Debian's Alertmanager",
  async () => {
    await using manager = await startAlertmanager(settingsFor);
    const ours = new Said();
    const rig = new Rig({
      config: notifyConfigOf(Bun.YAML.parse(settingsFor("http://localhost")), ({ webhook_configs: channels }) => {
        const [{ send_resolved: sendsResolved }] = channels as { send_resolved: boolean }[];
        return [{ name: "", sendsResolved }];
      }),
      onDelivery: ({ receiver, groupKey, notification }) => ours.add(receiver, groupKey, notification.alerts),
    });
    const alerts = randomAlerts();
    const standing = new Map<string, AlertFacts>();
    const put = async (changes: readonly AlertFacts[]) => {
      await manager.post(changes.map(({ labels, status }) => ({ labels, isOver: status === "resolved" })));
      rig.do((notifier, nowMs) => changes.forEach((alert) => notifier.put(alert, nowMs)));
      for (const alert of changes) {
        if (alert.status === "firing") standing.set(alert.id, alert);
        else standing.delete(alert.id);
      }
    };
    let sentinels = 0;
    /** Until all is said on both sides: groups look every second, and one that begins now is the last to. */
    const settle = async () => {
      const nr = `sentinel-${sentinels++}`;
      await put([makeAlert({ id: nr, rule: "Sentinel", severity: "high", labels: { nr, site: nr } })]);
      rig.goTo(rig.elapsedMs + 20_000);
      const theirs = new Said();
      await manager.until(() => {
        for (const { receiver, groupKey, alerts: said } of manager.sent) theirs.add(receiver, groupKey, said);
        const missing = ours.lines.filter((line) => !theirs.lines.includes(line));
        return missing.length === 0 || `Alertmanager does not say:\n${missing.join("\n")}`;
      });
      expect(theirs.lines).toEqual(ours.lines);
      const ourMuted: Muted = {};
      for (const { id } of standing.values()) {
        const mute = rig.notifier.muteOf(id, rig.wallMs);
        if (mute !== undefined) ourMuted[id] = mute.kind;
      }
      expect(await mutedBy(manager)).toEqual(ourMuted);
    };

    const silences = await Promise.all(
      SILENCES.map(async (texts, i) => {
        const matchers = texts.map(parseMatcher);
        const id = await manager.silence({ matchers: matchers.map(asGiven) });
        const times = { startsAtMs: rig.wallMs, endsAtMs: rig.wallMs + 3_600_000 };
        const given = { id: `s${i}`, matchers, ...times, author: "", comment: "", isForAll: false };
        rig.do((notifier, nowMs) => void notifier.putSilence(given, nowMs));
        return { theirs: id, ours: `s${i}` };
      }),
    );
    const expire = async ({ theirs, ours: id }: (typeof silences)[number]) => {
      await manager.expire(theirs);
      rig.do((notifier, nowMs) => void notifier.expireSilence(id, nowMs));
    };

    await put(alerts);
    await settle();
    const kinds = new Set([...standing.keys()].map((id) => rig.notifier.muteOf(id, rig.wallMs)?.kind));
    expect([...kinds].sort()).toEqual(["inhibited", "silenced", undefined]);

    // What inhibits is over, and one silence; what was held back and still fires is said.
    const isFree = ({ id }: AlertFacts) => rig.notifier.muteOf(id, rig.wallMs) === undefined;
    const isSource = ({ severity, rule }: AlertFacts) => severity === "critical" || rule === "Down";
    await put(alerts.filter((alert) => isSource(alert) && isFree(alert)).map((alert) => resolved(alert, 0)));
    await expire(silences[0]);
    await settle();

    // One that comes and goes before its group looks: alone, and where another one fires.
    const brief = [..."pq"].map((nr) => makeAlert({ id: nr, rule: "Brief", labels: { nr, site: nr } }));
    const other = makeAlert({ id: "r", rule: "Brief", labels: { nr: "r", site: "q" } });
    await put([other, ...brief, ...brief.map((alert) => resolved(alert, 0))]);
    await settle();

    // All is over: what is held back before what holds it back, so that it makes no difference when they look.
    const rounds: ((alert: AlertFacts) => boolean)[] = [
      (alert) => !isFree(alert) && !isSource(alert),
      (alert) => !isFree(alert) && alert.rule !== "Down",
      (alert) => !isFree(alert),
      () => true,
    ];
    for (const isNext of rounds) {
      await put([...standing.values()].filter(isNext).map((alert) => resolved(alert, 0)));
      await settle();
    }
    for (const silence of silences.slice(1)) await expire(silence);
    await settle();
  },
  120_000,
);
