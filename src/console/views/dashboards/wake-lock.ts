import { useEffect, useState } from "preact/hooks";

/** Keeps the screen on while it is used. Answers with why it cannot; "": it does. */
export function useWakeLock(): string {
  const [failure, setFailure] = useState("");
  useEffect(() => {
    let lock: WakeLockSentinel | undefined;
    let isOver = false;
    const take = async () => {
      if (document.hidden || isOver) return;
      // Browsers that have none, or pages over plain HTTP.
      const { wakeLock } = navigator as Partial<Pick<Navigator, "wakeLock">>;
      if (wakeLock === undefined) {
        return setFailure("The screen may go dark: over plain HTTP the browser does not let pages keep it on");
      }
      try {
        lock = await wakeLock.request("screen");
        setFailure("");
        // Of pages that are seen it is taken where the battery runs out.
        lock.addEventListener("release", () => {
          if (!isOver && !document.hidden)
            setFailure("The screen may go dark: the browser does not keep it on any more");
        });
        if (isOver) await lock.release();
      } catch (error) {
        setFailure(`The screen may go dark: ${(error as Error).message}`);
      }
    };
    const onSeen = () => void take();
    void take();
    // The browser takes it away from pages that are not seen.
    document.addEventListener("visibilitychange", onSeen);
    return () => {
      isOver = true;
      document.removeEventListener("visibilitychange", onSeen);
      void lock?.release();
    };
  }, []);
  return failure;
}
