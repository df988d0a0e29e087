import { useState } from "preact/hooks";
import { setUser, user } from "../user.ts";

/** As the server takes it. */
const NAME_LENGTH_MAX = 256;

interface NameFieldProps {
  readonly help?: string;
  readonly isRequired?: boolean;
}

/** Who acts here. Taken when it is left or sent, not by the letter: with each name one enters the session one is in anew. */
export function NameField({ help, isRequired = false }: NameFieldProps) {
  return (
    <label class="field">
      Your name
      <input
        // A value would be put back over what is typed whenever the form is drawn again.
        defaultValue={user.value}
        required={isRequired}
        maxLength={NAME_LENGTH_MAX}
        autocomplete="username"
        onChange={({ currentTarget }) => setUser(currentTarget.value.trim())}
      />
      {help !== undefined && <span class="field-help">{help}</span>}
    </label>
  );
}

/** In forms: asks where it is not known yet, and stays, so that nothing moves away from whoever clicks next. */
export function NameWanted({ isRequired = false }: Pick<NameFieldProps, "isRequired">) {
  const [isAsked] = useState(user.peek() === "");
  return isAsked ? <NameField isRequired={isRequired} /> : null;
}
