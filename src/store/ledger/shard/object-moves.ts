// The moves of a shard's objects, when the number of shards is raised: what it gives away and what it is given, and where
// an object is meanwhile. Each page is noted, arrives, and is deleted, and every step may be the last before a restart.
import { logInfo } from "../../../shapes/log.ts";
import type * as contract from "../contract.ts";
import {
  ALL_MOVED,
  adoptRows,
  deleteRows,
  endMove,
  MOVE_DIGITS,
  nextPage,
  partsOf,
  prepareMove,
  shardOfDigits,
} from "./move.ts";
import type { ShardTables } from "./tables.ts";

/** Setting `split`: objects that this shard gives away. */
interface SplitState extends contract.SplitPlan {
  /** Objects up to here have gone. */
  upTo: string;
  /** A page that is on its way: until it has surely arrived, no call is taken for anything. */
  flight?: { digits: string[]; upTo: string };
}

/** Setting `birth`: objects that this shard is given. */
interface BirthState {
  parent: number;
  from: number;
  to: number;
  /** Objects up to here have come. */
  upTo: string;
}

/** Time after which the next pages move, ms. */
const NEXT_PAGES_MS = 1_000;
/** Pages in one pass of the alarm. */
const PASS_PAGES = 50;

/** What the moves of a shard need. */
export interface MoveDeps {
  /** The number in the shard's name. */
  number: number;
  peer(number: number): contract.ShardPeer;
  now(): number;
  /** Sets the alarm, if it is to be earlier than it is. */
  wake(at: number): Promise<void>;
}

export class ObjectMoves {
  readonly #deps: MoveDeps;
  readonly #tables: ShardTables;
  #split: SplitState | undefined;
  #birth: BirthState | undefined;
  #landing: Promise<void> | undefined;
  /** Parts of a page that is coming. */
  #parts: contract.MovedPage[] = [];

  constructor(deps: MoveDeps, tables: ShardTables) {
    this.#deps = deps;
    this.#tables = tables;
    this.#split = tables.setting<SplitState>("split");
    this.#birth = tables.setting<BirthState>("birth");
  }

  /** Whether objects have moved, or are to. */
  get any(): boolean {
    return this.#split !== undefined || this.#birth !== undefined;
  }

  /** Whether a page is on its way. */
  get isFlying(): boolean {
    return this.#split?.flight !== undefined;
  }

  async split(plan: contract.SplitPlan): Promise<boolean> {
    const { number, peer, now } = this.#deps;
    const isNew = !this.#split || this.#split.to < plan.to;
    if (isNew) {
      for (const child of childrenOf(number, plan)) await peer(child).expect(number, plan.from, plan.to);
      this.#keepSplit({ ...plan, upTo: "" });
    }
    const state = this.#split;
    if (!state) return true;
    if (plan.move && state.upTo !== ALL_MOVED) {
      this.#keepSplit({ ...state, move: true });
      await this.#deps.wake(now());
    }
    return state.upTo === ALL_MOVED;
  }

  async expect(parent: number, from: number, to: number): Promise<void> {
    if (this.#birth && this.#birth.to >= to) return;
    this.#birth = { parent, from, to, upTo: "" };
    this.#tables.keepSetting("birth", this.#birth);
  }

  async adopt(page: contract.MovedPage): Promise<void> {
    const birth = this.#birth;
    // A page that has come before: its objects may have changed here since.
    if (!birth || page.upTo <= birth.upTo) return;
    if (page.part === 0) this.#parts = [];
    if (page.part !== this.#parts.length)
      throw new Error(`part ${page.part} came after ${this.#parts.length} others`);
    this.#parts.push(page);
    if (!page.last) return;
    const parts = this.#parts;
    this.#parts = [];
    const arrived = { ...birth, upTo: page.upTo };
    this.#tables.database.transaction(() => {
      for (const part of parts) adoptRows(this.#tables, part);
      this.#tables.keepSetting("birth", arrived);
    });
    this.#birth = arrived;
    await this.#deps.wake(this.#deps.now() + NEXT_PAGES_MS);
  }

  /** Moves some pages, if any are to move. */
  async pass(): Promise<void> {
    if (!this.#split?.move || this.#split.upTo === ALL_MOVED) return;
    // Whatever becomes of this pass, the next one is set.
    await this.#deps.wake(this.#deps.now() + NEXT_PAGES_MS);
    prepareMove(this.#tables);
    for (let page = 0; page < PASS_PAGES && this.#split.upTo !== ALL_MOVED; page++) await this.#movePage();
    if (this.#split.upTo !== ALL_MOVED) return;
    endMove(this.#tables);
    logInfo("shard.split", { shard: this.#deps.number, shards: this.#split.to });
  }

  /** Moves a page: it is noted, arrives, and is deleted here; each step may be the last one before a restart. */
  async #movePage(): Promise<void> {
    const state = this.#split;
    if (!state) return;
    const page = nextPage(this.#tables, state.upTo) ?? { upTo: ALL_MOVED, digits: [] };
    const digits = page.digits.filter((one) => shardOfDigits(one, state.to) !== this.#deps.number);
    this.#keepSplit({ ...state, flight: { digits, upTo: page.upTo } });
    await this.land();
  }

  /** Brings a page that is on its way to its end. Until then its objects are in two places, and no call is taken. */
  land(): Promise<void> {
    if (!this.#split?.flight) return Promise.resolve();
    this.#landing ??= this.#fly().finally(() => {
      this.#landing = undefined;
    });
    return this.#landing;
  }

  async #fly(): Promise<void> {
    const state = this.#split;
    if (!state?.flight) return;
    const { digits, upTo } = state.flight;
    const { number, peer } = this.#deps;
    for (const child of childrenOf(number, state)) {
      const theirs = digits.filter((one) => shardOfDigits(one, state.to) === child);
      for (const part of partsOf(this.#tables, theirs, upTo)) await peer(child).adopt(part);
    }
    const { flight: _, ...rest } = state;
    this.#tables.database.transaction(() => {
      deleteRows(this.#tables, digits);
      this.#keepSplit({ ...rest, upTo });
    });
  }

  #keepSplit(state: SplitState): void {
    this.#tables.keepSetting("split", state);
    this.#split = state;
  }

  /** Where an object with these digits is: a number, or undefined where it is here. */
  placeOf(digits: string): number | undefined {
    const { number } = this.#deps;
    const [split, birth] = [this.#split, this.#birth];
    if (digits.length < MOVE_DIGITS) return undefined;
    if (split) {
      const at = shardOfDigits(digits, split.to);
      const hasGone = digits <= split.upTo || shardOfDigits(digits, split.from) !== number;
      if (at !== number && hasGone) return at;
    }
    return birth && digits > birth.upTo ? birth.parent : undefined;
  }
}

/** Shards that a shard's objects move to. */
const childrenOf = (number: number, { from, to }: { from: number; to: number }): number[] =>
  Array.from({ length: to / from - 1 }, (_, index) => number + (index + 1) * from);
