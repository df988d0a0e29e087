/** Addresses whose answers nobody on the way can change: https, or http that does not leave this machine. Pure. */
export function isPrivateWay(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return false;
  if (url.protocol === "https:") return true;
  return url.protocol === "http:" && /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/.test(url.hostname);
}
