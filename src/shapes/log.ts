// Log lines: one JSON object each, its name under `log`, ids before details. A line never holds a secret.

/** A line about what happened as it should. */
export const logInfo = (name: string, fields: object): void => console.log(lineOf(name, fields));

/** A line about trouble that Weir gets over by itself. */
export const logWarning = (name: string, fields: object): void => console.warn(lineOf(name, fields));

/** A line about something that is lost, or that a person should see to. */
export const logError = (name: string, fields: object): void => console.error(lineOf(name, fields));

const lineOf = (name: string, fields: object) => JSON.stringify({ log: name, ...fields });
