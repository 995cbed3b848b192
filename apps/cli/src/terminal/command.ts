/** What all commands are made of: their common options, their results on stdout, their messages on stderr. */
import { Command, Option } from 'commander';
import { printAbove } from './progress.ts';

/** The options that every command has. */
export interface CommonOptions {
  json?: boolean;
  debug?: boolean;
}

/** A subcommand with the options that all share: `--json`, `--debug`, `--help`. */
export function command(name: string, summary: string): Command {
  return new Command(name)
    .description(summary)
    .option('--json', 'print one JSON object on stdout; progress goes to stderr')
    .option('--debug', 'print the stack when something fails')
    .helpOption('--help', 'show this help')
    .configureHelp({ showGlobalOptions: false })
    .hook('preAction', assertNoneEmpty);
}

/** Ends the program where the value of an option, or the first argument, is an empty text, as of an unset variable. */
function assertNoneEmpty(self: Command): void {
  for (const option of self.options) {
    const value: unknown = self.opts()[option.attributeName()];
    if ([value].flat().includes('')) self.error(`error: option '${option.flags}' is empty`);
  }
  if (self.args[0] === '') self.error('error: the first argument is empty');
}

export const dtypeOption = () =>
  new Option('--dtype <type>', 'what activations are stored in').choices(['f32', 'f16']).default('f32');

/** Prints a command's result: the object with `--json`, else the text. */
export function print(options: CommonOptions, result: object, text: string): void {
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${text}\n`);
}

/** Prints a message for the person who waits, never on stdout, which belongs to results. */
export function say(text: string): void {
  printAbove(text);
}
