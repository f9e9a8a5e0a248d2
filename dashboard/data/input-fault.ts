/** What was typed is not what the page could send; the message says why. */
export class InputFault extends Error {}
