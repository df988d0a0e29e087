import { expect, test } from "bun:test";
import { webGuard, type WebGuardOptions } from "../../src/transport/web-guard.ts";

function refused(
  options: Partial<WebGuardOptions>,
  headers: Record<string, string>,
  path = "/healthz",
  scheme = "http",
): boolean {
  const defaults = { address: "127.0.0.1:8080", hosts: [], origins: [], hostname: "Gateway-7", asksWho: () => false };
  const guard = webGuard({ ...defaults, ...options });
  const request = { url: `${scheme}://gw${path}`, headers: new Headers(headers) } as Request;
  return guard(request, path) !== undefined;
}

test("on loopback a server goes by names of this machine, and by those that are configured", () => {
  const own = ["127.0.0.1:8080", "localhost", "LOCALHOST:8080", "[::1]:8080", "gateway-7:8080", "a.localhost:1"];
  for (const host of own) expect(refused({}, { host })).toBe(false);
  const others = [
    "evil.example",
    "192.168.1.7:8080",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "",
    "a b",
    "@",
  ];
  for (const host of others) expect(refused({}, { host })).toBe(true);
  expect(refused({ hosts: ["watch.example.org"] }, { host: "Watch.Example.org:443" })).toBe(false);
});

test("where others reach it nobody can make its address, or a name of this network, stand for another machine", () => {
  const open = { address: "0.0.0.0:8080" };
  for (const host of ["192.168.1.7:8080", "[fe80::1]:8080", "gateway", "gateway.local:8080"]) {
    expect(refused(open, { host })).toBe(false);
  }
  expect(refused(open, { host: "evil.example:8080" })).toBe(true);
  expect(refused({ ...open, asksWho: () => true }, { host: "evil.example:8080" })).toBe(false);
});

test("pages of elsewhere may call nothing, but /live where they are listed", () => {
  const host = "127.0.0.1:8080";
  expect(refused({}, { host, origin: "http://127.0.0.1:8080" })).toBe(false);
  for (const origin of ["null", "http://127.0.0.1:9", "http://localhost:8080", "https://evil.example", "", "x"]) {
    expect(refused({}, { host, origin })).toBe(true);
    expect(refused({ asksWho: () => true }, { host, origin })).toBe(true);
    expect(refused({}, { host, origin }, "/live")).toBe(true);
  }
  const origins = ["https://ops.example.org"];
  expect(refused({ origins }, { host, origin: origins[0] }, "/live")).toBe(false);
  expect(refused({ origins }, { host, origin: origins[0] })).toBe(true);
});

test("a page that came without TLS is none of a server that speaks it, though host and port are the same", () => {
  const host = "gw.example.org";
  const options = { asksWho: () => true };
  expect(refused(options, { host, origin: "http://gw.example.org" }, "/login", "https")).toBe(true);
  expect(refused(options, { host, origin: "https://gw.example.org" }, "/login", "https")).toBe(false);
  for (const origin of ["http://gw.example.org", "https://gw.example.org"])
    expect(refused(options, { host, origin }, "/login", "http")).toBe(false);
});

test("a page of elsewhere has nothing of this server as a picture or script, and may have links to it", () => {
  const headers = (site: string, mode: string) => ({
    host: "127.0.0.1:8080",
    "sec-fetch-site": site,
    "sec-fetch-mode": mode,
  });
  for (const site of ["cross-site", "same-site"]) {
    expect(refused({}, headers(site, "no-cors"), "/metrics")).toBe(true);
    expect(refused({}, headers(site, "navigate"), "/")).toBe(false);
  }
  for (const site of ["same-origin", "none"]) expect(refused({}, headers(site, "no-cors"), "/x.css")).toBe(false);
});
