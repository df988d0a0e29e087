/** What a directory calls its people, and which role that is here: "admin=wp-admins, operator=wp-operators|oncall". Pure. */
import { isRole, ROLES, type Role } from "./access.ts";

/** Values by role. */
export type RoleMapping = ReadonlyMap<Role, readonly string[]>;

/** Undefined where the text is none. */
export function parseRoleMapping(text: string): RoleMapping | undefined {
  const mapping = new Map<Role, readonly string[]>();
  for (const part of text.split(",")) {
    const [, role = "", listed = ""] = /^([^=]*)=(.*)$/s.exec(part) ?? [];
    const values = listed.split("|").map((value) => value.trim());
    const name = role.trim();
    if (!isRole(name) || mapping.has(name) || values.includes("")) return undefined;
    mapping.set(name, values);
  }
  return mapping;
}

/** The role that stands last in the order of roles, of those that any of the values gives; undefined: none. */
export function roleOfValues(values: readonly string[], mapping: RoleMapping): Role | undefined {
  return ROLES.findLast((role) => mapping.get(role)?.some((value) => values.includes(value)));
}
