// The command palette and the help: every view, pipeline and collection by its name, and what each key does.
import { useState } from "preact/hooks";
import { useAnswer } from "../data/queries.ts";
import { go, linkTo, VIEWS, type ViewName } from "../data/route.ts";
import { forgetKey } from "../data/session.ts";
import { Dialog } from "../parts/dialog.tsx";
import { filesToUpload, isHelpOpen, isPaletteOpen } from "./open.ts";

interface Command {
  name: string;
  run: () => void;
}

const SHOWN_COMMANDS = 12;

const KEYS: readonly [string, string][] = [
  ["/", "to the search box of the view, else to Where is my file?"],
  ["j k", "to the next and the previous row"],
  ["Enter", "open the row"],
  ["Escape", "close what is open"],
  ["Ctrl K", "commands"],
  ["?", "this help"],
];

export const Palette = () => (
  <>
    {isPaletteOpen.value && <Commands onClose={() => (isPaletteOpen.value = false)} />}
    {isHelpOpen.value && (
      <Dialog title="Keyboard" onClose={() => (isHelpOpen.value = false)}>
        <dl class="facts">
          {KEYS.map(([name, does]) => [
            <dt key={name}>
              <kbd>{name}</kbd>
            </dt>,
            <dd key={`${name} does`}>{does}</dd>,
          ])}
        </dl>
      </Dialog>
    )}
  </>
);

function Commands({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [chosen, choose] = useState(0);
  const pipelines = useAnswer(["pipelines"], (api, signal) => api.listPipelines({ signal }), {
    topics: ["pipelines"],
  });
  const rows = pipelines.data?.data ?? [];
  const collections = [...new Set(rows.map(({ config }) => config.destination.collection))].sort();
  const commands: Command[] = [
    ...Object.entries(VIEWS).map(([view, title]) => ({
      name: title,
      run: () => go(linkTo(view as ViewName)),
    })),
    ...collections.map((name) => ({
      name: `Collection ${name}`,
      run: () => go(linkTo("collections", name)),
    })),
    ...rows.map(({ alias }) => ({ name: `Pipeline ${alias}`, run: () => go(linkTo("pipelines", alias)) })),
    { name: "Upload files", run: () => (filesToUpload.value = []) },
    { name: "Plan a replay", run: () => go(linkTo("replays", undefined, { select: "stale" })) },
    { name: "Forget key", run: forgetKey },
    { name: "Keyboard", run: () => (isHelpOpen.value = true) },
  ];
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = commands
    .filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)))
    .slice(0, SHOWN_COMMANDS);
  const file = text.trim();
  if (file !== "")
    found.push({ name: `Where is ${file}?`, run: () => go(linkTo("find", undefined, { q: file })) });
  const run = (command: Command | undefined) => {
    onClose();
    command?.run();
  };
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) choose((at) => (at + step + found.length) % found.length);
    if (event.key === "Enter") run(found[chosen]);
    if (step || event.key === "Enter") event.preventDefault();
  };
  return (
    <Dialog title="Commands" onClose={onClose}>
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls="commands"
        aria-activedescendant={`command-${chosen}`}
        aria-label="Command"
        autocomplete="off"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          choose(0);
        }}
        onKeyDown={onKey}
      />
      <div id="commands" class="commands" role="listbox" aria-label="Commands">
        {found.map((command, index) => (
          <button
            key={command.name}
            id={`command-${index}`}
            type="button"
            role="option"
            aria-selected={index === chosen}
            tabIndex={-1}
            onClick={() => run(command)}
          >
            {command.name}
          </button>
        ))}
      </div>
    </Dialog>
  );
}
