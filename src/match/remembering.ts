// A view that looks each path up once per match, since many candidates ask for the same few fields. Values are kept in
// the index's own path objects, marked with the number of the match, so that nothing is cleared or built.
import type { Leaves, Path, ValueSource, View } from "./types.ts";

export class RememberedPath implements Path {
  readonly text: string;
  readonly names: Path["names"];
  run = 0;
  leaves: Leaves = [];

  constructor(path: Path) {
    this.text = path.text;
    this.names = path.names;
  }
}

const NOTHING: View = { leaves: () => [], source: () => "absent" };

export class RememberingView implements View {
  #view: View = NOTHING;
  #run = 0;

  /** Looks at another view from now on. */
  look(view: View, run: number) {
    this.#view = view;
    this.#run = run;
  }

  leaves(path: Path): Leaves {
    if (!(path instanceof RememberedPath)) return this.#view.leaves(path);
    if (path.run !== this.#run) {
      path.leaves = this.#view.leaves(path);
      path.run = this.#run;
    }
    return path.leaves;
  }

  source(path: Path): ValueSource {
    return this.#view.source(path);
  }
}
