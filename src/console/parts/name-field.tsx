import { useState } from "preact/hooks";
import { BoundedText } from "./bounded-text.tsx";
import { setUser, user } from "../user.ts";

/** As the server takes it. */
export const NAME_LENGTH_MAX = 256;

interface NameFieldProps {
  readonly help?: string;
  readonly isRequired?: boolean;
}

/** Who acts here. Taken when it is left or sent, not by the letter: with each name one enters the session one is in anew. */
export function NameField({ help, isRequired = false }: NameFieldProps) {
  const [typed, setTyped] = useState(user.peek());
  return (
    <label class="field">
      Your name
      <BoundedText
        value={typed}
        lengthMax={NAME_LENGTH_MAX}
        isRequired={isRequired}
        autocomplete="username"
        onInput={setTyped}
        onChange={(text) => text.length <= NAME_LENGTH_MAX && setUser(text.trim())}
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
