/** Parsers of option values. Each throws InvalidArgumentError, with which commander names the option and exits with 2. */
import { InvalidArgumentError } from 'commander';

/** A number above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

/** A number above 0 and at most 1. */
export function share(text: string): number {
  const value = positive(text);
  if (value > 1) throw new InvalidArgumentError('Expected a number above 0, at most 1.');
  return value;
}

/** A whole number of at most nine digits. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}
