// What the tests of delivery and the Worker that plays their stories tell each other.

/** What goes wrong with a call. */
export const KINDS = [
  /** It fails and has done nothing. */
  "before",
  /** It fails and has done all of it. */
  "after",
  /** It does nothing for hours, while everything else goes on, and then does it. */
  "late",
  /** It does it, and answers hours later. */
  "slow",
  /** It does it twice. */
  "twice",
] as const;
export type Kind = (typeof KINDS)[number];
export interface Fault {
  /** `LEDGER.batch #2` */
  call: string;
  kind: Kind;
}

/** A story to be played. */
export interface Asked {
  story: string;
  fault?: Fault;
  /** Something of Weir's own that is left out, to see that its loss is noticed. */
  without?: "alarm" | "sweep";
}
/** How a story ended. */
export interface Played {
  /** What is left: what the collections hold, and what the ledger knows. */
  ending: {
    held: unknown[];
    events: string[];
    runs: unknown[];
    tracked: unknown[];
    dead: number;
    lost: string[];
    /** What a collection and its index have differently. */
    differing: string[];
  };
  /** Calls by name, in order. */
  calls: string[];
  /** Whether the fault came to pass. */
  struck: boolean;
}

/** A way from one state of a run to another; `before` is null where it begins. */
export interface Move {
  before: string | null;
  after: string;
  times: number;
  uncaused: number;
}
