// Which of the page's own dialogs is open.
import { signal } from "@preact/signals";

export const isPaletteOpen = signal(false);
export const isHelpOpen = signal(false);
/** Files that are to be uploaded; an empty list where they are still to be chosen, undefined where none are. */
export const filesToUpload = signal<readonly File[] | undefined>(undefined);
