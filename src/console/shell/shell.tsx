/** What is around every view: the header, where one is, what is told, and the keys of the whole page. */
import { useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { openCount } from "../attention/watch.ts";
import { countText } from "../format.ts";
import { addKeys } from "../keys.ts";
import { lazy } from "../lazy.tsx";
import { Questions } from "../parts/dialog.tsx";
import { Toasts } from "../parts/toast.tsx";
import { go, route } from "../route.ts";
import { VIEWS, type ViewEntry } from "../views.ts";
import { ConnectionBanner } from "./connection-banner.tsx";
import { Header } from "./header.tsx";
import { isLocked } from "../who.ts";
import { Help } from "./help.tsx";
import { NotFound } from "./not-found.tsx";
import { pageTitle } from "../page-title.ts";
import { Settings } from "./settings.tsx";
import { ViewBoundary } from "./view-boundary.tsx";

const Login = lazy(async () => (await import("./login.tsx")).Login);

export function Shell() {
  return isLocked.value ? <Login /> : <OpenShell />;
}

function OpenShell() {
  const { view, rest } = route.value;
  const [open, setOpen] = useState<"settings" | "help">();
  const { View } = viewNamed(view);
  const place = [view, ...rest].join("/");
  useSignalEffect(() => {
    const { value: count } = openCount;
    const title = [pageTitle.value, viewNamed(route.value.view).label].filter((text) => text !== "").join(" · ");
    document.title = `${count > 0 ? `(${countText(count)}) ` : ""}${title} · Watchpost`;
  });
  useLayoutEffect(() => addKeys({ title: "Everywhere", keys: pageKeys(() => setOpen("help")) }), []);
  useHeadingFocus(place, "hasStood" in View ? View.hasStood.value : true);
  const close = () => setOpen(undefined);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")!.focus();
        }}
      >
        Skip to what is shown
      </a>
      <Header onSettings={() => setOpen("settings")} onHelp={() => setOpen("help")} />
      <ConnectionBanner />
      <main id="main" tabIndex={-1}>
        <ViewBoundary key={view} place={place}>
          <View />
        </ViewBoundary>
      </main>
      {open === "settings" && <Settings onClose={close} />}
      {open === "help" && <Help onClose={close} />}
      <Toasts />
      <Questions />
    </>
  );
}

function viewNamed(view: string): Pick<ViewEntry, "label" | "View"> {
  return VIEWS.find(({ name }) => name === view) ?? { label: "No such page", View: NotFound };
}

function pageKeys(onHelp: () => void) {
  const search = {
    keys: "/",
    label: "Search",
    run: () => document.querySelector<HTMLElement>("[data-hotkey='/']")?.focus(),
  };
  const parts = VIEWS.filter(({ key }) => key !== undefined).map(({ key, name, label }) => ({
    ...{ keys: `g ${key}`, label: `Go to ${label}` },
    run: () => go(`/${name}`),
  }));
  return [search, ...parts, { keys: "?", label: "This help", run: onHelp }];
}

/** Who goes elsewhere without seeing it hears the heading of where they are. */
function useHeadingFocus(place: string, isThere: boolean): void {
  const loadedAt = useRef<string | undefined>(place);
  const heard = useRef("");
  useLayoutEffect(() => {
    if (place !== loadedAt.current) loadedAt.current = undefined;
    if (!isThere) return;
    const heading = document.querySelector<HTMLElement>("main h1");
    const isSame = heard.current === heading?.textContent && document.activeElement !== document.body;
    heard.current = heading?.textContent ?? "";
    if (loadedAt.current === place || isSame || heading === null) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }, [place, isThere]);
}
