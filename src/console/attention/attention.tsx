/** How the page calls for attention, and where the browser withholds that: always in sight. */
import { useState } from "preact/hooks";
import { unacknowledged } from "../data/alerts.ts";
import { durationText } from "../format.ts";
import { browserNowMs } from "../now.ts";
import { lazy } from "../lazy.tsx";
import "./attention.css";
import { noticePermission } from "./notifications.ts";
import { notices, sound } from "./settings.ts";
import { soundState } from "./tones.ts";
import { announced } from "./watch.ts";

const AttentionDialog = lazy(async () => (await import("./attention-dialog.tsx")).AttentionDialog);

export function Attention() {
  const [isOpen, setOpen] = useState(false);
  const { text, short, isTrouble } = stateText();
  return (
    <>
      <button
        type="button"
        class="quiet attention"
        data-trouble={isTrouble}
        aria-label={`Alerts: ${text}`}
        title={`Alerts: ${text}`}
        onClick={() => setOpen(true)}
      >
        <span aria-hidden="true">♪</span>
        <span class="attention-long">{text}</span>
        <span class="attention-short">{short}</span>
      </button>
      <div role="alert" class="unseen">
        {announced.value}
      </div>
      {isOpen && <AttentionDialog onClose={() => setOpen(false)} />}
    </>
  );
}

interface StateText {
  readonly text: string;
  /** Where there is no room for more: words of `text`, which stays the button's name for those who speak to it. */
  readonly short: string;
  /** Something that is wanted does not work. */
  readonly isTrouble: boolean;
}

function stateText(): StateText {
  const { isOn, mutedUntilMs } = sound.value;
  const mutedMs = mutedUntilMs > 0 ? mutedUntilMs - browserNowMs.value : 0;
  const state = (text: string, short: string, isTrouble = false) => ({ text, short, isTrouble });
  if (notices.value.isOn && noticePermission.value !== "granted") {
    return state("notifications withheld by the browser", "withheld", true);
  }
  if (!isOn) return state("sound off", "off");
  if (mutedMs > 0) return state(`muted for ${durationText(mutedMs)}`, durationText(mutedMs));
  if (soundState.value === "unavailable") return state("this browser has no sound", "no sound", true);
  if (soundState.value === "suspended") {
    // With nothing to sound for it is a hint, and the first click arms it.
    return state("sound not armed: click anywhere", "click anywhere", unacknowledged.value > 0);
  }
  return state("sound on", "on");
}
