/** The icon of the tab: how many alerts need somebody. */

const SIDE_PX = 32;
const [CALM, CRITICAL, OTHER, INK] = ["#1c6ea4", "#b3001b", "#a84300", "#fff"];
let shown = "";
let address = "";

/** `count` 0: the plain icon. */
export function showFavicon(count: number, isCritical: boolean): void {
  const text = count === 0 ? "W" : count > 99 ? "99+" : String(count);
  const ground = count === 0 ? CALM : isCritical ? CRITICAL : OTHER;
  if (shown === text + ground) return;
  shown = text + ground;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE_PX;
  const pen = canvas.getContext("2d");
  if (pen === null) return;
  pen.fillStyle = ground;
  pen.beginPath();
  pen.roundRect(0, 0, SIDE_PX, SIDE_PX, count === 0 ? 8 : 16);
  pen.fill();
  pen.fillStyle = INK;
  pen.font = `bold ${text.length > 2 ? 14 : 20}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, SIDE_PX / 2, SIDE_PX / 2 + 1);
  canvas.toBlob((blob) => blob !== null && use(URL.createObjectURL(blob)));
}

function use(next: string): void {
  let link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  if (link === null) {
    link = document.createElement("link");
    link.rel = "icon";
    document.head.append(link);
  }
  link.href = next;
  URL.revokeObjectURL(address);
  address = next;
}
