// Rows travel to D1 as one JSON parameter: how its fields are named in a statement's text.

/** A field of the row that json_each calls `j`. */
export const field = (name: string) => `j.value ->> '$.${name}'`;
export const fields = (...names: string[]) => names.map(field).join(", ");
