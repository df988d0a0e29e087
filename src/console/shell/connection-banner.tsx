import { useLayoutEffect, useRef } from "preact/hooks";
import { link } from "../api.ts";
import { brokenStreams, isOutdated } from "../connection.ts";
import { browserNowMs } from "../now.ts";
import { connectionText } from "./connection-text.ts";

/** Above all that is shown: what of it is not live, why, and what is done about it. */
export function ConnectionBanner() {
  const text = connectionText(link.state.value, brokenStreams.value, browserNowMs.value);
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    // What is as high as the window leaves them room.
    const { style } = document.documentElement;
    const sizes = new ResizeObserver(([{ contentRect }]) => style.setProperty("--banners", `${contentRect.height}px`));
    sizes.observe(place.current!);
    return () => sizes.disconnect();
  }, []);
  return (
    <div class="banners" ref={place}>
      <div role="status">
        {text !== undefined && (
          <p class="banner" data-grave={text.isGrave}>
            <span>
              {text.what} <span aria-hidden="true">{text.clock}</span>
            </span>
            {text.canTry && (
              <button type="button" onClick={() => link.tryNow()}>
                Try now
              </button>
            )}
          </p>
        )}
      </div>
      <div role="status">
        {isOutdated.value && (
          <p class="banner">
            <span>The server runs another version now. This page is of the one before.</span>
            <button type="button" onClick={() => location.reload()}>
              Reload
            </button>
          </p>
        )}
      </div>
    </div>
  );
}
