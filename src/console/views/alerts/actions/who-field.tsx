import { useState } from "preact/hooks";
import { setUser, user } from "../../../user.ts";

/** Asks who acts where that is not known yet; it is kept. */
export function WhoField() {
  const [isAsked] = useState(user.peek() === "");
  if (!isAsked) return null;
  return (
    <label class="field">
      Your name
      <input
        required
        autocomplete="username"
        maxLength={256}
        onInput={({ currentTarget }) => setUser(currentTarget.value.trim())}
      />
    </label>
  );
}
