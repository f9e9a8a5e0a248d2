// What the command tells of itself: completions for shells, and its whole help as the page docs/cli.md. Both are
// read off the commands as commander knows them, so neither can say what is not so.
import { Argument, type Command } from "commander";
import { print, printJson } from "./io/output.ts";

export function addHelpCommands(program: Command): void {
  program
    .command("completion")
    .description("print what makes a shell complete weir's commands and options")
    .addArgument(new Argument("<shell>").choices(Object.keys(SHELLS)))
    .option("--json", "tell the shell and its script as JSON on stdout")
    .addHelpText(
      "after",
      `
Examples:
  $ eval "$(weir completion bash)"
  $ weir completion zsh > ~/.zfunc/_weir
  $ weir completion fish > ~/.config/fish/completions/weir.fish`,
    )
    .action((shell: keyof typeof SHELLS, options: { json?: boolean }) => {
      const script = SHELLS[shell](words(program));
      if (options.json) printJson({ shell, script });
      else print(script);
    });

  program
    .command("reference")
    .description("print the whole help as Markdown: docs/cli.md")
    .option("--json", "tell each command with its help as JSON on stdout")
    .addHelpText("after", "\nExamples:\n  $ weir reference > docs/cli.md\n  $ weir reference --json")
    .action((options: { json?: boolean }) => {
      if (options.json) printJson({ commands: [program, ...commandsBelow(program)].map(describe) });
      else print(reference(program));
    });
}

/** Every command's path with what may follow it: `""` → the commands, `"filter diff"` → its options. */
function words(command: Command, path = ""): Map<string, string[]> {
  const visible = command.commands.filter((it) => it.name() !== "help");
  const options = command.options.flatMap(({ long }) => (long ? [long] : []));
  const found = new Map([[path, [...visible.map((it) => it.name()), ...options, "--help"]]]);
  for (const one of visible) {
    for (const [below, all] of words(one, `${path} ${one.name()}`.trim())) found.set(below, all);
  }
  return found;
}

/** The path that has been typed is the longest run of words that begins no option. */
const bash = (all: Map<string, string[]>) => `_weir() {
  local path="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] && break
    path="\${path:+$path }$word"
  done
  case "$path" in
${[...all].map(([path, next]) => `    "${path}") COMPREPLY=($(compgen -W "${next.join(" ")}" -- "\${COMP_WORDS[COMP_CWORD]}")) ;;`).join("\n")}
    *) COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")) ;;
  esac
}
complete -F _weir weir`;

const zsh = (all: Map<string, string[]>) =>
  `#compdef weir\nautoload -Uz bashcompinit && bashcompinit\n${bash(all)}`;

const fish = (all: Map<string, string[]>) => `function __weir_words
  set -l path ""
  for word in (commandline -opc)[2..-1]
    string match -q -- "-*" $word; and break
    set path (string trim -- "$path $word")
  end
  switch "$path"
${[...all].map(([path, next]) => `    case "${path}"\n      printf "%s\\n" ${next.join(" ")}`).join("\n")}
  end
end
complete -c weir -a "(__weir_words)"`;

const SHELLS = { bash, zsh, fish };

/** A command as whoever reads JSON needs it. */
const describe = (command: Command) => ({
  command: pathOf(command),
  description: command.description(),
  arguments: command.registeredArguments.map((it) => ({
    name: it.name(),
    description: it.description,
    required: it.required,
    ...(it.argChoices && { choices: it.argChoices }),
  })),
  options: command.options.map(({ flags, description, mandatory, argChoices, defaultValue }) => ({
    flags,
    description,
    required: mandatory,
    ...(argChoices && { choices: argChoices }),
    ...(defaultValue !== undefined && { default: defaultValue as unknown }),
  })),
  help: helpOf(command),
});

/** docs/cli.md: the help of every command, as it prints itself. */
function reference(program: Command): string {
  const sections = commandsBelow(program).map((command) => {
    const path = pathOf(command);
    return `## ${path}\n\n\`\`\`\n${helpOf(command).trim()}\n\`\`\``;
  });
  return [
    "# The weir command",
    "",
    "Printed by `weir reference`, and held to it by a test. In a clone, `npm run weir -- COMMAND` is `weir COMMAND`.",
    "",
    "Data goes to stdout and everything else to stderr; `NO_COLOR` is minded. Exit codes: 0 done, 1 failed, 2 used",
    "wrongly, 3 not authenticated, 4 not found, 130 interrupted.",
    "",
    `\`\`\`\n${helpOf(program).trim()}\n\`\`\``,
    "",
    sections.join("\n\n"),
  ].join("\n");
}

const commandsBelow = (command: Command): Command[] =>
  command.commands.filter((it) => it.name() !== "help").flatMap((it) => [it, ...commandsBelow(it)]);

export const pathOf = (command: Command): string =>
  command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

/** As `--help` prints it, at one width whatever the terminal's. */
function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
