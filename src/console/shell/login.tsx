/** In place of everything else, where the server wants to know first who asks. */
import { useEffect, useState } from "preact/hooks";
import { logIn, whyLocked } from "../who.ts";
import { lockedText, type LockedText } from "../locked-text.ts";

const ASKED: LockedText = { why: "", isFormLeftOut: false };

export function Login() {
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [{ why, isFormLeftOut }, setLocked] = useState(ASKED);
  useEffect(() => {
    whyLocked().then(
      (locked) => setLocked(lockedText(locked)),
      // The form says enough.
      () => {},
    );
  }, []);
  const send = async (form: HTMLFormElement) => {
    const token = String(new FormData(form).get("token") ?? "").trim();
    if (token === "") return setError("Paste a token first: it begins with wp_.");
    setBusy(true);
    await logIn(token).catch((refusal: Error) => setError(`This did not work: ${refusal.message}.`));
    setBusy(false);
  };
  return (
    <main id="main" class="login" tabIndex={-1}>
      <h1>Watchpost</h1>
      <p role="status">{why}</p>
      {!isFormLeftOut && (
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            void send(event.currentTarget);
          }}
        >
          <label class="field">
            Token
            <input
              name="token"
              type="password"
              autocomplete="current-password"
              autofocus
              aria-invalid={error !== ""}
              aria-describedby="login-about"
            />
            <span id="login-about" class="field-help">
              <span role="alert">{error !== "" && <span class="field-error">{error} </span>}</span>
              {error === "" && (
                <>
                  This server asks who you are. An admin makes a token for you with <code>watchpost token create</code>.
                </>
              )}
            </span>
          </label>
          <button class="primary" disabled={isBusy}>
            Log in
          </button>
        </form>
      )}
    </main>
  );
}
