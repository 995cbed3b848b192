/**
 * Bad input from outside: a broken file, a wrong shape, an impossible setting.
 * The message is one line that names the file (or setting) and the fault; the command line prints it and
 * exits 1, the service answers 4xx with it.
 */
export class InputError extends Error {
  override name = 'InputError';
}
