// Shell completions (`weir completion`) and the whole help as one page (`weir reference`, docs/cli.md). Both are
// generated from the registered commands, so neither can be out of date.
import { Argument, type Command } from "commander";
import { jsonOption } from "./io/options.ts";
import { print, printJson } from "./io/output.ts";

export function addHelpCommands(program: Command): void {
  program
    .command("completion")
    .description("print the script that makes a shell complete weir's commands and options")
    .addArgument(new Argument("<shell>").choices(Object.keys(SHELLS)))
    .option(...jsonOption("the shell and its script"))
    .addHelpText(
      "after",
      `
Examples:
  $ eval "$(weir completion bash)"
  $ weir completion zsh > ~/.zfunc/_weir
  $ weir completion fish > ~/.config/fish/completions/weir.fish`,
    )
    .action((shell: keyof typeof SHELLS, options: { json?: boolean }) => {
      const script = SHELLS[shell](completionWords(program));
      if (options.json) printJson({ shell, script });
      else print(script);
    });

  program
    .command("reference")
    .description("print the help of every command as one Markdown page")
    .option(...jsonOption("every command with its help"))
    .addHelpText("after", "\nExamples:\n  $ weir reference > docs/cli.md\n  $ weir reference --json")
    .action((options: { json?: boolean }) => {
      if (options.json) printJson({ commands: [program, ...commandsBelow(program)].map(describe) });
      else print(reference(program));
    });
}

/** Words that may follow each command path: `""` → the commands, `"filter diff"` → its options. */
function completionWords(command: Command, path = ""): Map<string, string[]> {
  const visible = command.commands.filter((subcommand) => subcommand.name() !== "help");
  const options = command.options.flatMap(({ long }) => (long ? [long] : []));
  const found = new Map([[path, [...visible.map((subcommand) => subcommand.name()), ...options, "--help"]]]);
  for (const subcommand of visible) {
    for (const [below, all] of completionWords(subcommand, `${path} ${subcommand.name()}`.trim()))
      found.set(below, all);
  }
  return found;
}

/** Completion script for bash. The command path is every word typed before the first option. */
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

/** Command as JSON: its arguments, options and help text. */
const describe = (command: Command) => ({
  command: pathOf(command),
  description: command.description(),
  arguments: command.registeredArguments.map((argument) => ({
    name: argument.name(),
    description: argument.description,
    required: argument.required,
    ...(argument.argChoices && { choices: argument.argChoices }),
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

/** Text of docs/cli.md: the help of every command, as `--help` prints it. */
function reference(program: Command): string {
  const sections = commandsBelow(program).map((command) => {
    const path = pathOf(command);
    return `## ${path}\n\n\`\`\`\n${helpOf(command).trim()}\n\`\`\``;
  });
  return [
    "# The weir command",
    "",
    "Printed by `weir reference`; a test keeps this page the same. In a clone, `npm run weir -- COMMAND` runs",
    "`weir COMMAND`.",
    "",
    "Data goes to stdout and everything else to stderr. `NO_COLOR` turns colours off. Exit codes: 0 done, 1 failed,",
    "2 wrong usage, 3 not authenticated, 4 not found, 5 measured and below what is due, 130 interrupted.",
    "",
    `\`\`\`\n${helpOf(program).trim()}\n\`\`\``,
    "",
    sections.join("\n\n"),
  ].join("\n");
}

const commandsBelow = (command: Command): Command[] =>
  command.commands
    .filter((subcommand) => subcommand.name() !== "help")
    .flatMap((subcommand) => [subcommand, ...commandsBelow(subcommand)]);

export const pathOf = (command: Command): string =>
  command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

/** Help text of a command as `--help` prints it, always 100 columns wide. */
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
