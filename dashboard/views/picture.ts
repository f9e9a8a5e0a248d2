// The picture that a collection is asked with. It has no place in an address, and so is held by the page.
import { signal } from "@preact/signals";

export const picture = signal<{ name: string; data: string } | null>(null);
