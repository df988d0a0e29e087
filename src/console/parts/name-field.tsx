import { setUser, user } from "../user.ts";

/** Who acts here: acknowledges, says, annotates. */
export function NameField() {
  return (
    <label>
      Your name{" "}
      <input
        value={user.value}
        autocomplete="username"
        onChange={({ currentTarget }) => setUser(currentTarget.value.trim())}
      />
    </label>
  );
}
